import { createTestIssuer, type TestIssuer, type TestSession } from '@pawl/test-kit'
import { describe, expect, test } from 'vitest'

/** What a hand-made refresh was answered, or that it was not. */
async function refresh(kit: TestIssuer, { refreshToken }: TestSession, attemptId?: string): Promise<string> {
  const body = { refresh_token: refreshToken, ...(attemptId !== undefined && { attempt_id: attemptId }) }
  const headers = { 'Content-Type': 'application/json' }
  try {
    const reply = await kit.fetch('/auth/refresh', { method: 'POST', headers, body: JSON.stringify(body) })
    return `${reply.status} ${reply.headers.get('Content-Type')?.split(';')[0]}`
  } catch (error) {
    if (!(error instanceof TypeError && error.cause instanceof Error)) throw error
    return `${error.message}: ${error.cause.message}`
  }
}

/** How often the session has moved, as the store knows it. */
async function generation(kit: TestIssuer): Promise<number | undefined> {
  const listed = await kit.administration.listSessions({ limit: 10 })
  return listed.outcome === 'listed' ? listed.sessions[0]?.generation : undefined
}

async function started(): Promise<{ kit: TestIssuer; session: TestSession } & AsyncDisposable> {
  const kit = await createTestIssuer()
  return { kit, session: await kit.signIn('ada'), [Symbol.asyncDispose]: kit.close }
}

const fine = '200 application/json'
const lost = (why: string) => `fetch failed: @pawl/test-kit: ${why}`

describe('T30.2: what each fault does', () => {
  test.each([
    ['none', fine, 1],
    ['drop-request', lost('drop-request'), 0],
    ['drop-reply', lost('drop-reply'), 1],
    ['duplicate', fine, 1],
    ['kill-after-commit', lost('kill-after-commit'), 1],
    ['store-away', '503 application/json', 0],
    ['html', '200 text/html', 0],
  ] as const)('T30.2: %s is answered "%s", and the session has moved %i times', async (fault, answer, moved) => {
    await using world = await started()
    const { kit, session } = world
    kit.faults.next('refresh', fault)
    expect(await refresh(kit, session)).toBe(answer)
    expect(await generation(kit)).toBe(moved)
    expect(kit.exchanges).toEqual([
      {
        method: 'POST',
        path: '/auth/refresh',
        fault,
        status: answer.startsWith('fetch') ? undefined : Number(answer.slice(0, 3)),
      },
    ])
    expect(await refresh(kit, session)).toBe(fine)
  })

  test.each([
    ['delay-request', 0],
    ['delay-commit', 0],
    ['delay-reply', 1],
  ] as const)('T30.2: %s waits for the clock; meanwhile the session has moved %i times', async (fault, moved) => {
    await using world = await started()
    const { kit, session } = world
    kit.faults.next('refresh', fault, { seconds: 8 })
    let answer: string | undefined
    const refreshing = refresh(kit, session).then((given) => {
      answer = given
    })
    await kit.clock.advance({ seconds: 7, milliseconds: 999 })
    expect([answer, await generation(kit)]).toEqual([undefined, moved])
    await kit.clock.advance({ milliseconds: 1 })
    await refreshing
    expect([answer, await generation(kit)]).toEqual([fine, 1])
  })

  test('T30.2: duplicate reaches the issuer twice', async () => {
    await using world = await started()
    const { kit, session } = world
    kit.faults.next('refresh', 'duplicate')
    await refresh(kit, session)
    expect(await kit.administration.listSessions({ limit: 1 })).toMatchObject({ sessions: [{ repeats: 1 }] })
  })

  test('T30.2: reorder holds an answer until the next one has arrived', async () => {
    await using world = await started()
    const { kit, session } = world
    const arrived: string[] = []
    const send = (name: string) => refresh(kit, session).then(() => arrived.push(name))
    kit.faults.next('refresh', 'reorder')
    const sent = [send('first'), send('second'), send('third')]
    await kit.clock.runUntil(Promise.all(sent))
    expect(arrived.indexOf('first')).toBeGreaterThan(0)
    expect(arrived).toHaveLength(3)
    kit.faults.next('refresh', 'reorder', { seconds: 5 })
    const before = kit.clock.now()
    await kit.clock.runUntil(send('alone'))
    expect(kit.clock.now() - before).toBe(5_000)
  })

  test('T30.2: delay-commit lets another request win, and both get the same successor', async () => {
    await using world = await started()
    const { kit, session } = world
    kit.faults.next('refresh', 'delay-commit')
    const late = refresh(kit, session)
    expect(await refresh(kit, session)).toBe(fine)
    expect(await kit.clock.runUntil(late)).toBe(fine)
    expect(await generation(kit)).toBe(1)
  })

  test('T30.2: a node that is killed loses what is under way, and the next one knows the store', async () => {
    await using world = await started()
    const { kit, session } = world
    kit.faults.next('refresh', 'delay-commit', { seconds: 5 })
    const underWay = refresh(kit, session)
    await kit.clock.advance({ seconds: 1 })
    kit.kill()
    expect(await underWay).toBe(lost('the node was killed'))
    await kit.clock.advance({ seconds: 10 })
    expect(await generation(kit)).toBe(0)
    expect(await refresh(kit, session)).toBe(fine)
    expect(await kit.verifier().verify(session.accessToken)).toMatchObject({ ok: true })
  })

  test('T30.2: kill-after-commit takes the node also where there is nothing to commit', async () => {
    await using world = await started()
    const { kit } = world
    kit.faults.next('jwks', 'kill-after-commit')
    await expect(kit.fetch('/oauth/jwks')).rejects.toThrow('fetch failed')
    expect((await kit.fetch('/oauth/jwks')).status).toBe(200)
  })

  test('T30.2: a sender that has hung up takes back what has not arrived, and no answer reaches it', async () => {
    await using world = await started()
    const { kit } = world
    const client = await kit.client('grace')
    const ofServer = () => client.browser.cookies().filter(({ name }) => name !== '__Secure-pawl_attempt')
    const cookies = ofServer()
    for (const fault of ['delay-request', 'delay-reply'] as const) {
      kit.faults.next('refresh', fault, { seconds: 20 })
      expect(await kit.clock.runUntil(client.refresh())).toMatchObject({ cause: { kind: 'timeout' } })
      await kit.clock.advance({ minutes: 1 })
      expect(ofServer()).toEqual(cookies)
      const { sessions } = await listed(kit)
      expect(sessions.find(({ userId }) => userId === 'user-grace')?.generation).toBe(fault === 'delay-reply' ? 1 : 0)
    }
  })
})

describe('T30.2: the script', () => {
  test('T30.2: speaks of one request after the other, to that endpoint alone', async () => {
    await using world = await started()
    const { kit, session } = world
    kit.faults.next('refresh', 'none')
    kit.faults.next('/auth/refresh', 'html')
    kit.faults.next('any', 'drop-request')
    expect(await refresh(kit, session)).toBe(fine)
    await expect(kit.fetch('/health/live')).rejects.toThrow('fetch failed')
    expect(await refresh(kit, session)).toBe('200 text/html')
    expect(await refresh(kit, session)).toBe(fine)
  })

  test('T30.2: a fault of the test’s own may answer, throw, or let through', async () => {
    await using world = await started()
    const { kit, session } = world
    kit.faults.next('refresh', async () => new Response('busy', { status: 429 }))
    expect(await refresh(kit, session)).toMatch(/^429/)
    kit.faults.next('refresh', async (request, proceed) => {
      request.headers.set('X-Seen', 'yes')
      const reply = await proceed()
      return new Response(reply.body, { status: 203, headers: reply.headers })
    })
    expect(await refresh(kit, session)).toBe('203 application/json')
    expect(kit.exchanges.map(({ fault }) => fault)).toEqual(['custom', 'custom'])
  })

  test('T30.2: an outage lasts until it is ended, and clear() ends everything', async () => {
    await using world = await started()
    const { kit, session } = world
    const end = kit.faults.always('refresh', 'store-away')
    kit.faults.next('refresh', 'html')
    expect([await refresh(kit, session), await refresh(kit, session)]).toEqual([
      '200 text/html',
      '503 application/json',
    ])
    end()
    expect(await refresh(kit, session)).toBe(fine)
    kit.faults.always('any', 'html')
    kit.faults.next('refresh', 'drop-reply')
    kit.faults.random({ seed: 1, share: 1, faults: ['drop-request'] })
    kit.faults.clear()
    expect(await refresh(kit, session)).toBe(fine)
  })

  test('T30.2: faults by lot hit their share, and are the same for the same seed', async () => {
    const run = async (seed: string) => {
      await using kit = await createTestIssuer()
      const end = kit.faults.random({ seed, share: 0.5, faults: ['drop-request', 'html'], target: '/health/live' })
      for (let round = 0; round < 60; round += 1) await kit.fetch('/health/live').catch(() => undefined)
      end()
      expect((await kit.fetch('/health/live')).status).toBe(200)
      return kit.exchanges.map(({ fault }) => fault)
    }
    const [one, same, other] = [await run('a'), await run('a'), await run('b')]
    expect(same).toEqual(one)
    expect(other).not.toEqual(one)
    expect(one.filter((fault) => fault === 'none').length).toBeGreaterThan(15)
    expect(new Set(one)).toEqual(new Set(['none', 'drop-request', 'html']))
  })

  test('what the kit does to set a test up meets no fault', async () => {
    await using kit = await createTestIssuer()
    kit.faults.always('any', 'drop-request')
    const session = await kit.signIn('ada', { client: 'cli' })
    expect(await kit.theft(session)).toMatchObject({ reason: 'replay' })
    const client = await kit.client('grace')
    expect(await kit.theft(client.browser)).toMatchObject({ reason: 'replay' })
    expect(kit.exchanges).toEqual([])
    expect(await client.refresh()).toMatchObject({ status: 'stale' })
  })
})

async function listed(kit: TestIssuer) {
  const answer = await kit.administration.listSessions({ limit: 10 })
  if (answer.outcome !== 'listed') throw new Error(answer.outcome)
  return answer
}
