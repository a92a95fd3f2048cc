/** Lets a phase wait for a condition that is looked at whenever something happened, in the same turn. */
export class Progress {
  readonly #watchers = new Set<() => void>()

  /** Something happened. */
  readonly notify = (): void => {
    for (const watch of [...this.#watchers]) watch()
  }

  /** Resolves with what `check` returns other than `undefined`, or with `undefined` at the time `until`. */
  wait<Result>(check: () => Result | undefined, until: number): Promise<Result | undefined> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const end = (result: Result | undefined): void => {
        clearTimeout(timer)
        this.#watchers.delete(watch)
        resolve(result)
      }
      const watch = (): void => {
        const result = check()
        if (result !== undefined) end(result)
      }
      this.#watchers.add(watch)
      timer = setTimeout(() => end(undefined), until - Date.now())
      watch()
    })
  }
}
