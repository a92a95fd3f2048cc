import type { Extension } from './extensions-api.ts'

/** Ways in which an extension in the runtime's process may fail to work. */
export interface ExtensionFaults {
  /** There is no Extensions API. */
  readonly disabled?: boolean
  /** How any registration ends: with that status, with a cut connection, or never. */
  readonly refuse?: 403 | 404 | 500 | 'connection' | 'hang'
  /** Registration is closed from the start, not from the runtime's first request for an event. */
  readonly closed?: boolean
  /** So many others are registered, of ten. They count as extensions at the shutdown too. @default 0 */
  readonly others?: number
  /** Names that others have; `true` for whatever name is tried. */
  readonly taken?: true | readonly string[]
  /** Which request for the next event gets its connection cut at once, counted from 1 in each process. */
  readonly dropNext?: 'always' | number
  /** Which request for the next event gets its connection cut when the event should arrive. */
  readonly loseEvent?: number
}

export interface Refusal {
  /** 0: the connection is cut. */
  readonly status: number
  readonly type: string
  readonly message: string
}

interface Registration {
  readonly name: string
  readonly events: readonly string[]
  readonly faults: ExtensionFaults
  readonly isConcurrent: boolean
  readonly registered: readonly Extension[]
  readonly isClosed: boolean
}

const MAX_EXTENSIONS = 10

/** Why Lambda does not register an extension that runs in the runtime's process, in Lambda's order of checks. */
export function refusalOf(registration: Registration): Refusal | undefined {
  const { name, events, faults, isConcurrent, registered, isClosed } = registration
  if (faults.refuse === 'hang') return refusal(0, 'hang', '')
  if (faults.refuse === 'connection') return refusal(0, 'connection', '')
  if (faults.refuse) return refusal(faults.refuse, 'Extension.Refused', 'Refused as the test wants it')
  if (!name) return refusal(403, 'Extension.InvalidExtensionName', 'Empty extension name')
  const [unknown] = isConcurrent ? events : events.filter((event) => event !== 'INVOKE')
  if (unknown !== undefined) {
    const reason = isConcurrent
      ? 'No events allowed for internal extensions'
      : unknown === 'SHUTDOWN'
        ? 'ShutdownEventNotSupportedForInternalExtension'
        : 'ErrorInvalidEventType'
    return refusal(403, 'Extension.InvalidEventType', `${unknown}: ${reason}`)
  }
  if (isClosed || faults.closed) {
    return refusal(403, 'Extension.RegistrationClosed', 'Extension registration closed already')
  }
  if (isTaken(name, faults) || registered.some((extension) => extension.name === name)) {
    return refusal(403, 'Extension.InvalidExtensionState', 'Extension with this name already registered')
  }
  if (registered.length + (faults.others ?? 0) >= MAX_EXTENSIONS) {
    return refusal(403, 'Extension.TooManyExtensions', `Extension limit (${MAX_EXTENSIONS}) reached`)
  }
  return undefined
}

function isTaken(name: string, { taken = [] }: ExtensionFaults): boolean {
  return taken === true || taken.includes(name)
}

function refusal(status: number, type: string, message: string): Refusal {
  return { status, type, message }
}
