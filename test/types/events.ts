import { type GFluxNode, initGFluxNode } from '../../src/index.ts'

type Aliased = {
  invoice_paid: { invoice_id: string; total_usd: number; note?: string | undefined }
  signed_up: { plan?: 'free' | 'pro' | undefined }
  page_seen: Record<never, never>
}

interface Invoice {
  invoice_id: string
  total_usd: number
}

interface Declared {
  invoice_paid: Invoice
}

/** What has an interface's type fits wherever plain objects do. */
export async function interfaces(invoice: Invoice): Promise<void> {
  const gflux = initGFluxNode({ token: 't', defaultContext: invoice })
  await gflux.track('invoice_paid', { userId: 'u', properties: invoice, context: invoice })
  await gflux.with({ context: invoice }).identify({ userId: 'u', anonymousId: 'a', traits: invoice })

  // @ts-expect-error traits that are no object
  await gflux.identify({ userId: 'u', anonymousId: 'a', traits: 'pro' })
  // @ts-expect-error a context that is no object
  await gflux.track('invoice_paid', { userId: 'u', context: 1 })
}

/** A map of events, as a type alias. */
export async function aliased(gflux: GFluxNode<Aliased>): Promise<void> {
  await gflux.track('invoice_paid', { userId: 'u', properties: { invoice_id: 'i', total_usd: 1 } })
  await gflux.track('invoice_paid', { properties: { invoice_id: 'i', total_usd: 1, note: undefined } })
  await gflux.track('signed_up', { userId: 'u', properties: { plan: 'pro' } })
  await gflux.track('signed_up', { userId: 'u' })
  await gflux.track('signed_up')
  await gflux.track('page_seen', { anonymousId: 'a' })

  // @ts-expect-error an event that there is not
  await gflux.track('invoice_payed', { userId: 'u' })
  // @ts-expect-error a property is missing
  await gflux.track('invoice_paid', { userId: 'u', properties: { invoice_id: 'i' } })
  // @ts-expect-error all properties are missing
  await gflux.track('invoice_paid', { userId: 'u' })
  // @ts-expect-error the input is missing
  await gflux.track('invoice_paid')
  // @ts-expect-error a property of another type
  await gflux.track('invoice_paid', { userId: 'u', properties: { invoice_id: 'i', total_usd: '1' } })
  // @ts-expect-error a property that there is not
  await gflux.track('invoice_paid', { userId: 'u', properties: { invoice_id: 'i', total_usd: 1, usd: 1 } })
  // @ts-expect-error another event's property
  await gflux.track('signed_up', { userId: 'u', properties: { invoice_id: 'i' } })
  // @ts-expect-error a value that is none of the union
  await gflux.track('signed_up', { userId: 'u', properties: { plan: 'gold' } })
  // @ts-expect-error an id of another type
  await gflux.track('signed_up', { userId: 42 })
  // @ts-expect-error an id that may be null
  await gflux.track('signed_up', { userId: null })
  // @ts-expect-error a misspelt field
  await gflux.track('signed_up', { user_id: 'u' })
  // @ts-expect-error a timestamp of another type
  await gflux.track('signed_up', { userId: 'u', timestamp: 0 })
}

/** A map of events, as an interface of interfaces. */
export async function declared(): Promise<void> {
  const gflux = initGFluxNode<Declared>({ token: 't' })
  const invoice: Invoice = { invoice_id: 'i', total_usd: 1 }

  await gflux.track('invoice_paid', { userId: 'u', properties: invoice })
  // @ts-expect-error an event that there is not
  await gflux.track('other', { userId: 'u' })
  // @ts-expect-error a property of another type
  await gflux.track('invoice_paid', { userId: 'u', properties: { ...invoice, total_usd: true } })
}

/** What is known of a user are traits. */
export async function identified(gflux: GFluxNode): Promise<void> {
  await gflux.identify({
    anonymousId: 'a',
    userId: 'u',
    traits: { plan: 'pro' },
    context: {},
    timestamp: new Date(),
  })
  // @ts-expect-error properties, which would be lost
  await gflux.identify({ anonymousId: 'a', userId: 'u', properties: { plan: 'pro' } })
}

/** `with()` keeps the map. */
export async function bound(gflux: GFluxNode<Aliased>): Promise<void> {
  const user = gflux.with({ userId: 'u', context: { path: '/' } }).with({ anonymousId: 'a' })

  await user.track('invoice_paid', { properties: { invoice_id: 'i', total_usd: 1 } })
  // @ts-expect-error an event that there is not
  await user.track('other')
  // @ts-expect-error a property is missing
  await user.track('invoice_paid', { properties: { invoice_id: 'i' } })
  // @ts-expect-error properties are not bound
  gflux.with({ properties: {} })
}

/** A map of things that are no objects is none. */
export function broken(): void {
  // @ts-expect-error properties are an object
  initGFluxNode<{ opened: string }>({ token: 't' })
}

/** Without a map every name and every property goes. */
export async function untyped(): Promise<void> {
  const gflux = initGFluxNode({ token: 't' })
  const invoice: Invoice = { invoice_id: 'i', total_usd: 1 }
  const name: string = 'opened'

  await gflux.track(name)
  await gflux.track('opened', { userId: 'u', properties: invoice })
  await gflux.track('opened', { externalId: 'u', properties: { anything: [1, { nested: new Date() }] } })
  await gflux.track('opened', { anonymousId: 'a', context: { any: 1 }, timestamp: new Date() })
  await gflux.identify({ anonymousId: 'a', userId: 'u', traits: { email: 'e', plan: 'pro' } })
  await gflux.alias({ userId: 'u', anonymousId: 'a', previousId: 'p' })
  await gflux.erase({ id: 'u', reason: 'gdpr_dsr' })

  // @ts-expect-error a name is a string
  await gflux.track(42, { userId: 'u' })
  // @ts-expect-error properties are an object
  await gflux.track('opened', { userId: 'u', properties: 'plan' })
  // @ts-expect-error a reason that there is not
  await gflux.erase({ id: 'u', reason: 'because' })
  // @ts-expect-error userId is required
  await gflux.alias({ anonymousId: 'a' })
}
