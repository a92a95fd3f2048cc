import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findRuntimes } from './runtimes.ts'
import { open } from './server-program.ts'

describe.concurrent.each(await findRuntimes())('on $name', (runtime) => {
  const isDeno = runtime.name.startsWith('Deno')

  it(`a worker thread listens to no signal, and ${isDeno ? 'ends' : 'sends what is queued'} by itself`, async () => {
    await using setup = await open(runtime)

    const program = await setup.run(`
      import { isMainThread, Worker } from 'node:worker_threads'
      if (isMainThread) new Worker(new URL(import.meta.url))
      else {
        track(2)
        console.log(process.listenerCount('SIGTERM'))
      }`)

    expect(await program.ended).toMatchObject({ code: 0, stdout: '0\n', stderr: '' })
    // Deno's worker threads know no `beforeExit`.
    expect(setup.ingest.stats.stored).toBe(isDeno ? 0 : 2)
  })

  it('each worker of a cluster sends what it has queued, when it is disconnected', async () => {
    await using setup = await open(runtime)

    const program = await setup.run(`
      import cluster from 'node:cluster'
      if (cluster.isPrimary) {
        let ready = 0
        for (let n = 0; n < 2; n++) cluster.fork().on('message', () => { if (++ready === 2) cluster.disconnect() })
      } else {
        track(2)
        process.send('ready')
      }`)

    expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(setup.ingest.stats.stored).toBe(4)
  })

  it('the spool of a cluster’s worker stays its own after it was disconnected', async () => {
    await using setup = await open(runtime)
    const spool = await mkdtemp(join(tmpdir(), 'gflux-spool-'))

    const program = await setup.run(
      `
      import cluster from 'node:cluster'
      if (cluster.isPrimary) {
        cluster.on('listening', () => console.log('listens'))
        const worker = cluster.fork()
        worker.on('message', () => worker.disconnect())
        worker.on('disconnect', () => initGFluxServer(config)) // takes what is left over
      } else {
        await gflux.track('opened', { userId: 'user_1', properties: { n: 1 } })
        process.send('ready')
        await new Promise((resolve) => setTimeout(resolve, 2000)) // its last request
        await gflux.track('opened', { userId: 'user_1', properties: { n: 2 } })
      }`,
      { config: `spool: ${JSON.stringify(spool)}, flushIntervalMs: 60_000` },
    )

    expect(await program.ended).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(setup.ingest.stats).toMatchObject({ stored: 2, keyConflicts: 0, replays: 0 })
    await rm(spool, { recursive: true })
  })
})
