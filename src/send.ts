import { attempt } from './attempt.ts'
import type { Delivery } from './delivery.ts'
import type { GFluxNodeError } from './errors.ts'
import type { FlushLimits } from './flush.ts'
import { maxCooldownMs, pauseGuard, probeMs, resetGuard, tripGuard } from './guard.ts'
import { acceptBatch, dropBatch, isBatchAnswer } from './outcome.ts'
import { type Batch, leaseGraceMs, maxBatchEvents, splitBatch } from './queue.ts'
import { backoffMs, maxRetryAfterMs } from './retry.ts'

/** One attempt under a lease, and what follows from it. */
export async function send(
  delivery: Delivery,
  batch: Batch,
  now: number,
  { deadline, ifDown, isSoft, signal }: FlushLimits,
): Promise<void> {
  const { config, guard, journal, ports, queue } = delivery
  const { events, key, unknownSince } = batch
  // Whoever asks for a flush by name wants the events there, also where the API has become slow.
  const maxMs = ifDown === 'try' ? Infinity : probeMs(guard)
  const timeoutMs = Math.min(config.timeoutMs, maxMs, isSoft ? Infinity : deadline - now)
  const lease = now + timeoutMs + leaseGraceMs // no later one ends at the same time
  batch.leasedUntil = lease
  batch.unknownSince ??= now // until it is known: this invocation may never come back
  const body = `{"events":[${events.map(({ json }) => json)}]}`
  const request = {
    config,
    path: 'events/batch',
    key,
    body,
    isRetry: batch.attempts > 0,
    ready: journal?.sending(batch),
    isAnswer: (answer: unknown) => isBatchAnswer(answer, events),
  }
  const { answer, error, isUnknown } = await attempt(ports, request, timeoutMs, signal)
  if (error) pauseGuard(guard, delivery.now(), error)
  if (!queue.batches.includes(batch)) return // another flush settled it meanwhile
  if (batch.leasedUntil === lease) {
    batch.leasedUntil = 0
    if (!isUnknown) {
      batch.unknownSince = unknownSince
      if (error?.retryable) journal?.notStored(batch)
    }
  } else if (error) return // another flush has reclaimed it, and decides
  if (!error?.retryable) {
    resetGuard(guard, delivery.now() - now)
    // An API that takes one batch after the other has not failed at those that it asks to wait.
    for (const other of queue.batches) if (other.error?.status === 429) forgive(other)
    if (!error) acceptBatch(delivery, batch, answer)
    // For its size alone: it was stored at no attempt, also where the outcome of an earlier one is unknown.
    else if (error.status === 413 && events[1]) splitBatch(queue, batch, ports.randomId)
    else dropBatch(delivery, batch, error)
  } else if (!signal?.aborted) retryLater(delivery, batch, error, now, deadline)
}

function retryLater(
  delivery: Delivery,
  batch: Batch,
  error: GFluxNodeError,
  attemptedAt: number,
  deadline: number,
): void {
  const { config, guard, log, ports, queue } = delivery
  const { code, message, retryAfterMs = 0, status } = error
  const now = delivery.now()
  const attempts = ++batch.attempts
  const delayMs = backoffMs(error, attempts, ports.random())
  // What is tried again at once has not been judged yet.
  const isProbe = delayMs > 0 && (guard.failures > 0 || batch.cooldownMs > 0)
  const isLast = isProbe || attempts > config.maxRetries || retryAfterMs > maxRetryAfterMs
  batch.error = error
  batch.isPaced = !isLast && now + delayMs < deadline
  // Once for each batch that may be taken before it: else one that is never taken would be tried for ever.
  if (status === 429) batch.grace ??= queue.batches.length + Math.ceil(queue.open.length / maxBatchEvents)
  batch.notBefore = now + delayMs
  if (!batch.isPaced) tripGuard(guard, now, attemptedAt)
  if (isLast) endRound(batch, now, ++delivery.rounds)
  const context = { code, status, error: message, attempts, events: batch.events.length }
  if (isLast) log.warn('Retries are exhausted', context)
  else log.debug('Retrying a batch', { ...context, delayMs })
}

/** Where the API takes others, the guard soon forgets: then it is for this batch alone that a next try makes no sense. */
function endRound(batch: Batch, now: number, round: number): void {
  batch.cooldownMs = batch.exhausted && Math.min(maxCooldownMs, 2 * batch.cooldownMs || 1000)
  batch.notBefore = batch.cooldownMs && now + batch.cooldownMs
  batch.exhausted = round
  batch.attempts = 0
}

function forgive(batch: Batch): void {
  if (!batch.grace) return
  batch.grace--
  batch.attempts = 0
}
