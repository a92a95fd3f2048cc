import { cp, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, inject, it } from 'vitest'
import { createTestIngest } from '../../../ingest/index.ts'
import { createProject } from '../../support/project.ts'
import { type Program, startFile } from './program.ts'

const example = resolve(import.meta.dirname, '../../../examples/server/server.ts')

it('the example keeps an order’s event through kill -9, and ends by itself on SIGTERM', async () => {
  await using project = await createProject(inject('packageRoot'), ['fastify'])
  await cp(example, join(project.folder, 'server.ts'))
  const ingest = createTestIngest()
  await using server = await ingest.listen()
  const env = { GFLUX_SERVER_TOKEN: 'gflux_secret_x', GFLUX_API_HOST: server.url, PORT: '0' }
  const start = (): Promise<Program> =>
    startFile({ name: '', program: process.execPath, args: [] }, join(project.folder, 'server.ts'), {
      env: { ...env, GFLUX_SPOOL: join(project.folder, 'spool') },
    })
  const order = async (program: Program, orderId: string): Promise<number> => {
    const [, port] = await program.matches(/listening on port (\d+)/)
    const response = await fetch(`http://127.0.0.1:${port}/orders`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-user-id': 'user_1',
        cookie: 'gflux_anonymous_id=device_1',
      },
      body: JSON.stringify({ orderId, totalUsd: 12.5 }),
    })
    return response.status
  }

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
  expect((await readdir(join(project.folder, 'spool'))).filter((name) => name.endsWith('.log'))).toHaveLength(
    1,
  )
})
