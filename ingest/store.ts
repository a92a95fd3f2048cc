import { idsOf, type WireEvent } from './event-rules.ts'
import { canonicalJson } from './json.ts'

/** A merge of two profiles, as the API answered it. */
export interface AliasRecord {
  /** The id that survives. */
  readonly user_id: string
  readonly anonymous_id?: string
  readonly previous_id?: string
  /** ISO 8601. */
  readonly merged_at: string
}

/** An erasure the API took on. The events stay readable: the real one takes up to 30 days. */
export interface ErasureRecord {
  /** The id as the request named it, decoded. */
  readonly id: string
  readonly reason: string
  readonly erasure_id: string
  readonly profiles_targeted: number
  readonly events_targeted: number
  /** ISO 8601. */
  readonly completes_by: string
}

/** What was written: events, merges and erasures. */
export class Store {
  events: WireEvent[] = []
  aliases: AliasRecord[] = []
  erasures: ErasureRecord[] = []
  duplicates = 0
  readonly #seenEvents = new Set<string>()
  readonly #knownIds = new Set<string>()
  readonly #mergedInto = new Map<string, string>()

  /** An empty store with the same lists; what is under way for this one ends in others, unseen. */
  succeed(): Store {
    const { events, aliases, erasures } = this
    for (const list of [events, aliases, erasures]) list.length = 0
    Object.assign(this, new Store())
    return Object.assign(new Store(), { events, aliases, erasures })
  }

  addEvent(event: WireEvent): void {
    const text = canonicalJson(event)
    if (this.#seenEvents.has(text)) this.duplicates += 1
    this.#seenEvents.add(text)
    this.events.push(event)
    for (const id of idsOf(event)) this.#knownIds.add(id)
  }

  addAlias(alias: AliasRecord): void {
    this.aliases.push(alias)
    this.#knownIds.add(alias.user_id)
    for (const id of [alias.anonymous_id, alias.previous_id]) {
      if (id === undefined) continue
      this.#knownIds.add(id)
      if (this.survivorOf(id) !== this.survivorOf(alias.user_id)) this.#mergedInto.set(id, alias.user_id)
    }
  }

  /** Whether any stored event or alias names the id. */
  knows(id: string): boolean {
    return this.#knownIds.has(id)
  }

  /** The id an id was merged into, through any number of merges; the id itself where it never was. */
  survivorOf(id: string): string {
    let survivor = id
    for (let next: string | undefined = id; next !== undefined; next = this.#mergedInto.get(next))
      survivor = next
    return survivor
  }

  /** Events that carry the id, or one it was merged with. */
  eventsOf(id: string): WireEvent[] {
    const survivor = this.survivorOf(id)
    return this.events.filter((event) => idsOf(event).some((each) => this.survivorOf(each) === survivor))
  }

  /** The profile an event belongs to: its strongest id, after merges. */
  profileOf(event: WireEvent): string {
    return this.survivorOf(idsOf(event).at(-1) as string)
  }
}
