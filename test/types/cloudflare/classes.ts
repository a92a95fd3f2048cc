import type { WorkflowEvent, WorkflowStep } from 'cloudflare:workers'
import { DurableObject, WorkerEntrypoint, WorkflowEntrypoint } from 'cloudflare:workers'
import type { GFluxNode, GFluxNodeConfig } from '@getfluxly/node'
import { withGFlux } from '@getfluxly/node/cloudflare'

interface Env {
  readonly TOKEN: string
}

const config = (env: Env): GFluxNodeConfig => ({ token: env.TOKEN })

class Room extends DurableObject<Env> {
  declare readonly gflux: GFluxNode

  async join(userId: string): Promise<number> {
    await this.gflux.track('joined', { userId })
    return this.ctx.getWebSockets().length
  }
}

class Service extends WorkerEntrypoint<Env> {
  add(a: number, b: number): number {
    return a + b
  }
}

class Signup extends WorkflowEntrypoint<Env, { name: string }> {
  override async run(event: WorkflowEvent<{ name: string }>, step: WorkflowStep): Promise<string> {
    return await step.do('greet', async () => event.payload.name)
  }
}

// A class stays what it is.
export const WrappedRoom: typeof Room = withGFlux(config, Room, { durableQueue: true, timeoutMs: undefined })
export const WrappedService: typeof Service = withGFlux(config, Service)
export const WrappedSignup: typeof Signup = withGFlux(config, Signup)

// One of the runtime's own may be extended.
export class Greeter extends withGFlux(config, WorkerEntrypoint<Env>) {
  declare readonly gflux: GFluxNode

  async greet(userId: string): Promise<string> {
    this.ctx.waitUntil(this.gflux.track('greeted', { userId }))
    return this.env.TOKEN
  }
}
export class Lobby extends withGFlux(config, DurableObject<Env>, { durableQueue: true }) {}

export interface Bindings {
  readonly ROOM: DurableObjectNamespace<InstanceType<typeof WrappedRoom>>
}

export async function join({ ROOM }: Bindings): Promise<number> {
  return await ROOM.get(ROOM.idFromName('a')).join('user_1')
}

// @ts-expect-error an object has methods
withGFlux(config, Room).prototype.leave()
// @ts-expect-error it is on or off
withGFlux(config, Room, { durableQueue: 'on' })
