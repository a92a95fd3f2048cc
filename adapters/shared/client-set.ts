import type { Flushable } from '../../src/index.ts'

/** Clients, each once. Keeps none alive: there may be one for each request. */
export class ClientSet {
  readonly #known = new WeakSet<Flushable>()
  readonly #references = new Set<WeakRef<Flushable>>()

  add(gflux: Flushable): void {
    if (this.#known.has(gflux)) return
    this.alive() // forgets the others
    this.#known.add(gflux)
    this.#references.add(new WeakRef(gflux))
  }

  alive(): Flushable[] {
    return [...this.#references].flatMap((reference) => {
      const gflux = reference.deref()
      if (!gflux) this.#references.delete(reference)
      return gflux ?? []
    })
  }
}
