import type { SecurityEvent } from '../../src/security-events/security-event.ts'
import type { Course, Seen, SimulatedRequest } from './request.ts'
import type { Judge, Truth } from './truth.ts'

/** What is to be told of, and how: one event for each finding, with the facts of both parties, and none for the rest. */
export interface EventRules {
  /** An event that is written with a change of the row, or the lack of one. */
  readonly withChange: (
    expected: string | undefined,
    event: SecurityEvent | undefined,
    request: SimulatedRequest,
    seen: Seen,
  ) => void
  /** An event that is written beside any change. */
  readonly alone: (event: SecurityEvent, request: SimulatedRequest, course: Course) => void
}

/** Keeps the list of events in `truth`. */
export function createEventRules(judge: Judge, truth: Truth): EventRules {
  function nameBothParties(event: SecurityEvent, request: SimulatedRequest, seen: Seen): void {
    const evidence = event.evidence ?? {}
    const facts = [
      ['the instant', event.at, seen.now],
      ['who presents', event.device?.address, request.device.address],
      ['who holds', evidence['holderAddress'], seen.holder.address],
      ['with what', evidence['holderUserAgent'], seen.holder.userAgent],
      ['since when', evidence['holderLastUsedAt'], seen.usedAt],
      ['what is presented', evidence['presentedGeneration'], seen.presented],
      ['what is current', evidence['currentGeneration'], seen.generation],
      ['repeats', evidence['repeats'], seen.repeats],
      ['who repeated', evidence['repeatHolders'], seen.repeatHolders],
      ['peeks', evidence['peeks'], seen.peeks],
    ] as const
    for (const [what, told, actual] of facts)
      judge.require(told === actual, `detection: ${event.type} tells ${what} as ${told}, but it is ${actual}`)
  }

  function tellFinding(event: SecurityEvent, seen: Seen): void {
    const evidence = event.evidence ?? {}
    const gap = seen.generation - seen.presented
    if (event.type === 'session_rolled_forward')
      judge.require(evidence['lostGenerations'] === -gap, `detection: ${-gap} generations were lost`)
    if (event.type === 'session_replayed') {
      judge.require(event.reason === 'replay', 'detection: a verdict without its reason')
      judge.require(evidence['generationGap'] === gap, `detection: the token was ${gap} generations behind`)
      judge.require(evidence['mintedSince'] === gap, `detection: ${gap} generations were minted since`)
      judge.require(evidence['ageMilliseconds'] === (seen.age ?? null), `detection: the age was ${seen.age}`)
    }
  }

  function write(event: SecurityEvent, request: SimulatedRequest, seen: Seen): void {
    nameBothParties(event, request, seen)
    tellFinding(event, seen)
    truth.events.push(event.type)
  }

  return {
    withChange: (expected, event, request, seen) => {
      judge.require(
        event?.type === expected,
        `detection: event ${event?.type ?? 'none'} instead of ${expected ?? 'none'}`,
      )
      if (event !== undefined) write(event, request, seen)
    },
    alone: (event, request, course) => {
      if (course.seen === undefined) return judge.require(false, 'detection: an event before the session was read')
      course.appended.push(event.type)
      write(event, request, course.seen)
    },
  }
}
