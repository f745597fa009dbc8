import type { ClientFault } from './client-store.ts'

/** Faults that were found in real systems or thought of against ours, each planted in a copy of the sources in turn. */
export interface Mutant {
  readonly name: string
  readonly file: string
  /** A piece of the source that stands there exactly once, and what to put in its place. */
  readonly from: string
  readonly to: string
  /** Which kind of schedule must see it; default `honest`. */
  readonly seenBy?: 'honest' | 'thief' | 'sqlite'
}

export const mutants: readonly Mutant[] = [
  {
    name: 'absent attempt id equals absent (F2)',
    file: 'tokens/refresh-session.ts',
    from: 'request.attemptId ?? dependencies.random(32)',
    to: "request.attemptId ?? 'absent'",
    seenBy: 'thief',
  },
  {
    name: "window by the node's clock (F14)",
    file: 'tokens/refresh-session.ts',
    from: '      now: reading.now,\n      policy: client.policy,',
    to: '      now: dependencies.monotonic(),\n      policy: client.policy,',
  },
  {
    name: 'repeat without the revoked check (F6, B6, B24)',
    file: 'storage/memory/sessions.ts',
    from: 'const session = writable(repeat.id, repeat.expectedGeneration, repeat.now)',
    to: 'const session = state.sessions.get(repeat.id)',
  },
  {
    name: 'repeat as a read (B9)',
    file: 'tokens/refresh-session.ts',
    from: 'const counted = await dependencies.sessions.countRepeat({',
    to: 'const counted = ((_: object) => true)({',
  },
  {
    name: 'repeat derived with the newest key (F5)',
    file: 'tokens/refresh-session.ts',
    from: 'const key = await dependencies.refreshKeys.refreshKey(session.refreshKeyId)',
    to: 'const key: RefreshKey | string = await dependencies.refreshKeys.activeRefreshKey(now)',
  },
  {
    name: 'recent of length 1 (F1)',
    file: 'tokens/recent-rotations.ts',
    from: 'rememberedRotations = 8',
    to: 'rememberedRotations = 1',
  },
  {
    name: 'batch winners mapped by session id (F9)',
    file: 'storage/sqlite/group-commit.ts',
    from: 'queued.resolve(outcomes[index] === true)',
    to: 'queued.resolve(index >= 0 && outcomes.includes(true))',
    seenBy: 'sqlite',
  },
  {
    name: 'roll forward to n instead of n + 1 (F8)',
    file: 'tokens/refresh-ratchet.ts',
    from: "policy.kind === 'bound' ? presented : presented + 1",
    to: 'presented',
  },
  {
    name: 'exp from the signing time (F6)',
    file: 'tokens/refresh-session.ts',
    from: 'const exp = accessExpiry(now, accessSeconds, sessionEnd(session))',
    to: 'const exp = accessExpiry(dependencies.monotonic(), accessSeconds, sessionEnd(session))',
  },
  {
    name: 'answer before commit (B4)',
    file: 'tokens/refresh-session.ts',
    from: 'const moved = await dependencies.sessions.moveSession({',
    to: 'const moved = ((move: Parameters<SessionStore["moveSession"]>[0]) => { dependencies.sessions.moveSession(move).catch(() => {}); return true })({',
  },
  {
    name: 'a grace that forks (B11, B13, B15)',
    file: 'tokens/refresh-session.ts',
    from: 'issueRefreshToken(key, session, session.generation)',
    to: 'issueRefreshToken(key, { ...session, seed: dependencies.random(32) }, session.generation)',
  },
  {
    name: 'check, then write (B1, B12)',
    file: 'storage/memory/sessions.ts',
    from: 'const session = writable(move.id, move.expectedGeneration, move.now)',
    to: 'const session = writable(move.id, state.sessions.get(move.id)?.generation ?? 0, move.now)',
  },
  {
    name: 'order by whole seconds (B2)',
    file: 'tokens/refresh-ratchet.ts',
    from: 'Math.max(0, now - rotation.at) < window',
    to: 'Math.floor(now / 1000) - Math.floor(rotation.at / 1000) <= window / 1000',
  },
  {
    name: 'a loser of the write is convicted under strict (F12, B14)',
    file: 'tokens/refresh-ratchet.ts',
    from: "policy.kind === 'strict' && question.lostTheWrite",
    to: "policy.kind === 'strict' && false",
    seenBy: 'thief',
  },
  {
    name: 'one behind without a time limit (B7)',
    file: 'tokens/refresh-ratchet.ts',
    from: 'if (isFresh(superseded, now, window)) return true',
    to: 'if (gap === 1 || isFresh(superseded, now, window)) return true',
    seenBy: 'thief',
  },
  {
    name: 'any generation inside the window of the last rotation (B20)',
    file: 'tokens/refresh-ratchet.ts',
    from: 'if (isFresh(superseded, now, window)) return true',
    to: 'if (isFresh(rotationFrom(session.recent, session.generation, session.generation - 1), now, window)) return true',
    seenBy: 'thief',
  },
  {
    name: 'expiry extended by a repeat (T32.3)',
    file: 'storage/memory/sessions.ts',
    from: '{ ...counted, repeatHolders }',
    to: '{ ...counted, repeatHolders, idleExpiresAt: repeat.now + 1e12 }',
  },
  {
    name: 'verdict without looking whether the session has ended already',
    file: 'storage/memory/sessions.ts',
    from: 'if (session === undefined || session.revokedAt !== null) return false\n      state.sessions.set(session.id, { ...session, revokedAt: ending.now',
    to: 'if (session === undefined) return false\n      state.sessions.set(session.id, { ...session, revokedAt: ending.now',
  },
  {
    name: 'a window that is closed at both ends (F12)',
    file: 'tokens/refresh-ratchet.ts',
    from: 'Math.max(0, now - rotation.at) < window',
    to: 'Math.max(0, now - rotation.at) <= window',
  },
  {
    name: 'a reused attempt id buys a late repeat (F2)',
    file: 'tokens/refresh-ratchet.ts',
    from: 'return !sameAttempt(preceding?.attempt, attempt)',
    to: 'return true || sameAttempt(preceding?.attempt, attempt)',
    seenBy: 'thief',
  },
  {
    name: 'a racer over lost generations is convicted under strict (F8)',
    file: 'tokens/refresh-ratchet.ts',
    from: "policy.kind === 'strict' && wasSkipped(superseded)",
    to: "policy.kind === 'strict' && false",
  },
  {
    name: 'a request is decided however late (F18)',
    file: 'tokens/refresh-session.ts',
    from: 'deadlineMilliseconds = 10_000',
    to: 'deadlineMilliseconds = 10_000_000',
  },
  {
    name: 'giving up after one lost write (progress)',
    file: 'tokens/refresh-session.ts',
    from: 'mostRounds = 3',
    to: 'mostRounds = 1',
  },
  {
    name: 'trying without end (progress)',
    file: 'tokens/refresh-session.ts',
    from: 'mostRounds = 3',
    to: 'mostRounds = 4',
  },
  {
    name: 'a write whose outcome is unknown counts as lost (F10)',
    file: 'tokens/refresh-session.ts',
    from: "if (isStorageUnavailable(error)) return { kind: 'again', storeFailure: error }",
    to: "if (isStorageUnavailable(error)) return refused({ error: 'invalid_grant', reason: 'superseded' })",
  },
  {
    name: 'lost writes without an event (F8, T29.1)',
    file: 'tokens/refresh-session.ts',
    from: "if (decision.cause === 'roll-forward') {",
    to: 'if (decision.generation < 0) {',
  },
  {
    name: 'an event for a plain advance (T29.1)',
    file: 'tokens/refresh-session.ts',
    from: "return decision.attemptReused ? finding('attempt_id_reused', execution, {}) : undefined",
    to: "return finding('attempt_id_reused', execution, {})",
  },
  {
    name: 'evidence that names the thief twice (T17.2)',
    file: 'tokens/session-finding.ts',
    from: 'holderAddress: session.lastUsedFrom.address',
    to: 'holderAddress: request.device.address',
    seenBy: 'thief',
  },
  {
    name: 'a repeat overwrites the facts of the holder (F21)',
    file: 'storage/memory/sessions.ts',
    from: '{ ...counted, repeatHolders }',
    to: '{ ...counted, repeatHolders, lastUsedAt: repeat.now }',
  },
  {
    name: 'a verdict whose event is lost (T17.2, T29.1)',
    file: 'storage/memory/sessions.ts',
    from: 'revokedReason: ending.reason })\n      writeEvent(state, ending.event)',
    to: 'revokedReason: ending.reason })',
    seenBy: 'thief',
  },
  {
    name: 'an end that verifiers are not told of (T6.1)',
    file: 'storage/memory/sessions.ts',
    from: '      writeRevocations(state, revokedSessions([session.id]), ending.now)\n',
    to: '',
    seenBy: 'thief',
  },
  {
    name: 'an entry that is forgotten before the tokens it covers (T6.4)',
    file: 'storage/stored-revocations.ts',
    from: 'Math.max(now, writtenAt)',
    to: 'Math.max(now, writtenAt) - 86_400_000',
    seenBy: 'thief',
  },
  {
    name: 'an access token without the milliseconds of its decision (T6.3)',
    file: 'tokens/access-token.ts',
    from: 'iat_ms: issuedAt % 1000,',
    to: 'iat_ms: 0,',
  },
  {
    name: 'a peek that counts as use (T2.5)',
    file: 'storage/memory/sessions.ts',
    from: 'peeks: session.peeks + 1 }',
    to: 'peeks: session.peeks + 1, lastUsedAt: peek.now }',
  },
  {
    name: 'peeking for ever (T2.5)',
    file: 'tokens/peek-ratchet.ts',
    from: 'answeredLifetimes = 2',
    to: 'answeredLifetimes = 2_000',
  },
  {
    name: 'a missing key is taken for garbage (F5, T13.1)',
    file: 'tokens/session-standing.ts',
    from: "if (key === 'not_loaded') return unavailable('key_not_loaded')",
    to: "if (key === 'not_loaded') return over('unknown_token')",
  },
  {
    name: 'sign-out knows the current token only (F19)',
    file: 'tokens/end-session.ts',
    from: 'deriveRefreshSecret(key.key, session, presented.generation)',
    to: 'deriveRefreshSecret(key.key, session, session.generation)',
  },
]

/** Mistakes of the client that the simulation must see as well, with the server as it is. */
export const clientFaults: readonly { readonly fault: ClientFault; readonly name: string }[] = [
  { fault: 'attempt id of each tab', name: 'an attempt id of each tab instead of one of their store (F3)' },
  { fault: 'any reply replaces the token', name: 'a late reply replaces a newer token (F3)' },
  { fault: 'no healing', name: 'a cookie jar that is turned back and not healed (F4)' },
]
