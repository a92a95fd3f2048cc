import { cp, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, inject, it } from 'vitest'
import { createTestIngest, type TestIngest } from '../../../ingest/index.ts'
import { ownNode } from '../../support/nodes.ts'
import { type Program, startFile } from '../../support/program.ts'
import { createProject } from '../../support/project.ts'

const example = resolve(import.meta.dirname, '../../../examples/server/server.ts')

interface Setup extends AsyncDisposable {
  readonly ingest: TestIngest
  readonly spool: string
  readonly start: () => Promise<Program>
}

async function open(): Promise<Setup> {
  const project = await createProject(inject('packageRoot'), ['fastify'])
  await cp(example, join(project.folder, 'server.ts'))
  const ingest = createTestIngest()
  const { url, close } = await ingest.listen()
  const spool = join(project.folder, 'spool')
  const env = { GFLUX_SERVER_TOKEN: 'gflux_secret_x', GFLUX_API_HOST: url, GFLUX_SPOOL: spool, PORT: '0' }
  return {
    ingest,
    spool,
    start: () => startFile(ownNode, join(project.folder, 'server.ts'), { env }),
    async [Symbol.asyncDispose]() {
      await close()
      await project[Symbol.asyncDispose]()
    },
  }
}

/** Resolves to the status. */
async function order(program: Program, orderId: string): Promise<number> {
  const [, port] = await program.matches(/listening on port (\d+)/)
  const headers = {
    'content-type': 'application/json',
    'x-user-id': 'user_1',
    cookie: 'gflux_anonymous_id=device_1',
  }
  const body = JSON.stringify({ orderId, totalUsd: 12.5 })
  return (await fetch(`http://127.0.0.1:${port}/orders`, { method: 'POST', headers, body })).status
}

it('the example keeps an order’s event through kill -9, and ends by itself on SIGTERM', async () => {
  await using setup = await open()
  const { ingest, spool, start } = setup

  await using killed = await start()
  const first = await order(killed, 'o_1')
  killed.child.kill('SIGKILL')
  await killed.ended
  const storedBefore = ingest.events.length
  await using restarted = await start()
  const second = await order(restarted, 'o_2')
  restarted.child.kill('SIGTERM')
  const end = await restarted.ended

  expect([first, storedBefore, second]).toEqual([201, 0, 201])
  expect(end).toMatchObject({ code: 0, signal: null, stderr: '' })
  const orders = ingest.events.map(({ properties }) => properties?.['order_id'])
  expect(orders.sort()).toEqual(['o_1', 'o_2'])
  expect(ingest.events[0]).toMatchObject({ external_id: 'user_1', anonymous_id: 'device_1' })
  expect((await readdir(spool)).filter((name) => name.endsWith('.log'))).toHaveLength(1)
})

it('the example takes orders while the API is down', async () => {
  await using setup = await open()
  const { ingest, start } = setup
  ingest.fail({ status: 503, every: 1 })
  await using program = await start()
  await program.matches(/listening/)

  const statuses = await Promise.all(Array.from({ length: 50 }, (_, id) => order(program, `o_${id}`)))

  expect(statuses).toEqual(Array(50).fill(201))
})
