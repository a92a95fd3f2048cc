interface Unsettled {
  end(): Promise<void>
}

let open: Set<Unsettled> | undefined

/**
 * The handler of this invocation has not settled yet. In an empty event loop it can't any more: AWS's client 3 answers
 * `null` then and goes on, and with 4 the process exits. So the invocation is ended then.
 */
export function addUnsettled(invocation: Unsettled): void {
  open ??= watchBeforeExit()
  open.add(invocation)
}

export function removeUnsettled(invocation: Unsettled): void {
  open?.delete(invocation)
}

function watchBeforeExit(): Set<Unsettled> {
  const invocations = new Set<Unsettled>()
  process.on('beforeExit', () => {
    for (const invocation of invocations) void invocation.end()
  })
  return invocations
}
