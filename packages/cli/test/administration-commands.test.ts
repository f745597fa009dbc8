import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Finished, freshEnvironment, pawl, pawlProcess } from './pawl-process.ts'

const password = 'a sentence nobody else has'
let environment: Record<string, string> = {}
let remove: () => Promise<void> = async () => undefined

beforeEach(async () => {
  const fresh = await freshEnvironment()
  environment = fresh.environment
  remove = fresh.remove
})
afterEach(() => remove())

function run(words: string, stdin = ''): Promise<Finished> {
  return pawl(words.split(' '), { environment, stdin })
}

async function json(words: string, stdin = ''): Promise<unknown> {
  const { stdout, stderr, status } = await run(`${words} --json`, stdin)
  expect(`${stderr}${status}`).toBe('0')
  return JSON.parse(stdout)
}

describe('exit status and errors', () => {
  test.each([
    '',
    'user',
    'nothing',
    'user nothing',
    'user add',
    'user add ann',
    'user role',
    'client add app',
    'client add app --type secret',
    'client add app --type public --grant password',
    'client add app --type public --access-seconds x',
    'session revoke',
    'session revoke a --user b',
    'session list --limit 0',
    'start --secrets x',
    'start --prot 3',
    'key kill',
    'restore',
    'restore --keep-sessions',
    'restore --lost-since 2026-01-31T12:00:00Z',
    'restore --lost-since 2026-01-31T12:00:00Z --keep-sessions --end-sessions',
    'restore --lost-since yesterday --keep-sessions',
    'restore --lost-since 2026-01-31T12:00:00 --keep-sessions',
    'restore --lost-since 2026-13-31T12:00:00Z --keep-sessions',
    'restore --lost-since 2026-02-29T12:00:00Z --keep-sessions',
  ])('"pawl %s" is not understood: 2', async (words) => {
    const { status, stdout, stderr } = await pawl(words === '' ? [] : words.split(' '), { environment })
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).not.toBe('')
  })

  test.each([
    'user disable nobody',
    'user password nobody --password-stdin',
    'user role nobody --role reader',
    'user role nobody',
    'user role nobody --role reader --none',
    'client remove nothing',
    'client secret add nothing',
    'client secret remove nothing',
    'client add robot --type confidential --auth private_key_jwt --jwks /nowhere/at/all',
    'session revoke AAAAAAAAAAAAAAAAAAAAAA',
    'session revoke --user nobody',
    'session list --user nobody',
    'key kill nothing',
    'token inspect',
    'restore --lost-since 2999-01-01T00:00:00Z --keep-sessions',
    'restore --lost-since 2026-01-31T12:00:00Z --keep-sessions --journal /nowhere/at/all',
  ])('"pawl %s" is refused in one line that says what to do: 1', async (words) => {
    const { status, stdout, stderr } = await run(words, `${password}\n`)
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^pawl: [^\n]+[;.][^\n]+$/)
  })

  test('a directory is no journal, which is found out before anything is changed', async () => {
    const { status, stderr } = await run('restore --lost-since 2026-01-31T12:00:00Z --end-sessions --journal /')
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'pawl: / is a directory. Nothing was changed; give --journal the file with the log',
    })
  })

  test('the status reaches the shell', async () => {
    const statuses = await Promise.all(
      [['user', 'list'], ['user', 'disable', 'nobody'], ['nothing'], ['--help'], ['--version']].map((words) =>
        pawlProcess(words, { environment }),
      ),
    )
    expect(statuses.map(({ status }) => status)).toEqual([0, 1, 2, 0, 0])
  })

  test('settings that do not fit are named, one line each', async () => {
    environment = { ...environment, PAWL_MODE: 'production', PAWL_ISSUER: 'http://id.example' }
    const { status, stderr } = await run('user list')
    expect(status).toBe(1)
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^pawl: PAWL_ISSUER .*To fix it, /),
      expect.stringMatching(/^pawl: PAWL_SECRETS .*To fix it, /),
    ])
  })

  test('a data directory that cannot be one is named', async () => {
    const file = join(environment['PAWL_DATA'] ?? '', '..', 'file')
    await writeFile(file, '')
    environment = { ...environment, PAWL_DATA: file }
    const { status, stderr } = await run('user list')
    expect(status).toBe(1)
    expect(stderr).toMatch(/^pawl: [^\n]*PAWL_DATA[^\n]*$/)
  })
})

describe('users', () => {
  test('T22.1 are given other roles, from their next tokens on or at once', async () => {
    await run('user add ann --password-stdin --role admin', `${password}\n`)
    expect(await run('user role ann --role ops --role reader')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^user ann has the roles ops, reader\n.*until they expire.*--apply-now$/),
    })
    expect(await json('user role ann --role ops --apply-now')).toMatchObject({
      user: { username: 'ann', roles: ['ops'] },
      applied_now: true,
    })
    expect(await run('user role ann --none')).toMatchObject({
      stdout: expect.stringMatching(/^user ann has no roles\n/),
    })
    expect(await json('user list')).toMatchObject({ users: [{ username: 'ann', roles: [] }] })
  })

  test('are added, listed and disabled', async () => {
    expect(await run('user add ann --password-stdin --role admin --role editor', `${password}\n`)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^added user ann \(usr_[\w-]{22}\)$/),
      stderr: '',
    })
    const user = {
      id: expect.stringMatching(/^usr_/),
      username: 'ann',
      roles: ['admin', 'editor'],
      created_at: expect.any(String),
      disabled_at: null,
    }
    expect(await json('user list')).toEqual({ users: [user] })
    expect(await json('user disable ann')).toEqual({ username: 'ann', disabled: true })
    expect(await json('user list')).toEqual({ users: [{ ...user, disabled_at: expect.any(String) }] })
    expect(await run('user disable ann')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('disabled already'),
    })
  })

  test('nothing that is printed holds a password or its hash', async () => {
    const outputs = [
      await run('user add ann --password-stdin --json', password),
      await run('user list'),
      await run('user list --json'),
      await run('user password ann --password-stdin --json', `${password}!`),
    ]
    expect(outputs.map(({ status }) => status)).toEqual([0, 0, 0, 0])
    expect(JSON.stringify(outputs)).not.toMatch(/argon2|sentence/)
  })

  test.each([
    ['short', 'shorter than 15'],
    ['a'.repeat(1025), 'longer than 1,024'],
    ['', 'held no password'],
  ])('a password is refused with its reason', async (given, reason) => {
    expect(await run('user add ann --password-stdin', given)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(reason),
    })
  })

  test('a name is taken once, whatever its case', async () => {
    await run('user add ann --password-stdin', password)
    expect(await run('user add ANN --password-stdin', password)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('already'),
    })
  })
})

describe('clients', () => {
  test('a confidential client gets a secret that is shown once', async () => {
    const added = await json(
      'client add api --type confidential --grant client_credentials --scope read --scope write --resource https://api.example --policy strict --access-seconds 60',
    )
    const client = {
      client_id: 'api',
      type: 'confidential',
      token_endpoint_auth_method: 'client_secret_basic',
      secrets: 1,
      redirect_uris: [],
      grant_types: ['client_credentials'],
      scope: 'read write',
      resources: ['https://api.example'],
      policy: 'strict',
      access_seconds: 60,
      created_at: expect.any(String),
    }
    expect(added).toEqual({ client, client_secret: expect.stringMatching(/^[\w-]{43}$/) })
    expect(await json('client list')).toEqual({ clients: [client] })
    expect(await json('client remove api')).toEqual({ client_id: 'api', removed: true })
    expect(await json('client list')).toEqual({ clients: [] })
  })

  test('a secret of one’s own is taken from standard input and never printed', async () => {
    const secret = 'Zm9yIHRoZSB0ZXN0cyBvZiB0aGlz'
    const { status, stdout } = await run('client add api --type confidential --secret-stdin --json', `${secret}\r\n`)
    expect(status).toBe(0)
    expect(stdout).not.toContain('secret"')
    expect(stdout).not.toContain(secret)
  })

  test('CA-3 a secret is exchanged for the next one without a moment in between', async () => {
    await run('client add api --type confidential')
    expect(await json('client secret add api')).toEqual({
      client_id: 'api',
      added: true,
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect(await json('client list')).toMatchObject({ clients: [{ secrets: 2 }] })
    expect(await run('client secret add api --secret-stdin', 'x'.repeat(30))).toMatchObject({ status: 1 })
    expect(await json('client secret remove api --newer')).toEqual({ client_id: 'api', removed: 'newer' })
    const brought = await run('client secret add api --secret-stdin', 'x'.repeat(30))
    expect(brought).toMatchObject({ status: 0, stdout: expect.not.stringContaining('xxx') })
    expect((await run('client secret remove api')).stdout).toBe('removed the older secret of client api')
    expect(await json('client list')).toMatchObject({ clients: [{ secrets: 1 }] })
  })

  test('CA-4 a client that signs who it is has keys instead of a secret', async () => {
    const file = join(environment['PAWL_DATA'] ?? '', '..', 'keys.json')
    const key = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
    await writeFile(file, JSON.stringify({ keys: [{ ...key, kid: 'one' }] }))
    const added = await json(`client add robot --type confidential --auth private_key_jwt --jwks ${file}`)
    expect(added).toEqual({
      client: expect.objectContaining({
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'Ed25519',
        secrets: 0,
        jwks: { keys: [{ ...key, kid: 'one' }] },
      }),
    })
    const published =
      'client add other --type confidential --auth private_key_jwt --jwks-uri https://other.example/keys'
    expect(await json(`${published} --signing-alg RS256`)).toEqual({
      client: expect.objectContaining({
        token_endpoint_auth_signing_alg: 'RS256',
        jwks_uri: 'https://other.example/keys',
      }),
    })
    expect(await run('client secret add robot')).toMatchObject({ status: 1 })
  })

  test('a public client has none', async () => {
    expect(await json('client add app --type public --redirect-uri https://app.example/back')).toEqual({
      client: expect.objectContaining({
        token_endpoint_auth_method: 'none',
        redirect_uris: ['https://app.example/back'],
      }),
    })
  })

  test('what does not fit together is refused', async () => {
    expect(await run('client add app --type public --secret-stdin', 'x'.repeat(30))).toMatchObject({ status: 1 })
    expect(await run('client add first-party --type public')).toMatchObject({ status: 1 })
    expect(await run('client add app --type public --access-seconds 86401')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('86400'),
    })
  })
})

describe('keys and migrations', () => {
  test('key list, rotate and kill', async () => {
    expect(await json('key list')).toEqual({ signing_keys: [], refresh_keys: [] })
    const first = await json('key rotate')
    expect(first).toEqual({ kid: expect.any(String), active_from: expect.any(String), added: true })
    expect(await json('key list')).toMatchObject({
      signing_keys: [{ state: 'active', opened: true, algorithm: 'ES256' }],
    })
    const kid = typeof first === 'object' && first !== null && 'kid' in first ? String(first.kid) : ''
    expect(await json(`key kill ${kid}`)).toEqual({ kid, killed: true, replacement: expect.not.stringMatching(kid) })
    expect((await run('key list')).stdout).not.toContain(kid)
  })

  test('an id that begins with a hyphen is no option', async () => {
    const kid = '-hqPp4bDCwEV8r86i4painqRVDslPOJq5TvpCLXUXc0'
    expect((await run(`key kill ${kid}`)).stderr).toContain(`there is no signing key ${kid}`)
  })

  test('migrate may be run again and again', async () => {
    expect(await run('migrate')).toMatchObject({ status: 0, stdout: expect.stringContaining('up to date') })
    expect(await json('migrate')).toEqual({ engine: 'sqlite', up_to_date: true })
  })
})

describe('restore', () => {
  test('F8 reads the journal from standard input, and tells what it found there', async () => {
    await run('user add ann --password-stdin', password)
    const event = { type: 'password_changed', at: Date.UTC(2026, 0, 31, 13), actor: 'user', userId: 'usr_gone' }
    const journal = `${JSON.stringify({ event, sequence: 1 })}\n{"event":{"type":"session_en`
    const told = await json('restore --lost-since 2026-01-31T12:00:00+00:00 --keep-sessions --journal -', journal)
    expect(told).toEqual({
      journal: { events: 1, unreadable_lines: 1, from: '2026-01-31T13:00:00.000Z', to: '2026-01-31T13:00:00.000Z' },
      reapplied: { sessions_ended: 0, users_disabled: 0, clients_removed: 0, keys_killed: 0 },
      standing: 0,
      passwords_undone: [],
      roles_undone: [],
      users_gone: [],
      clients_gone: [],
      other_sessions: { choice: 'keep', count: 0 },
    })
    expect(await run('restore --lost-since 2026-01-31T12:00:00Z --end-sessions --journal -', '')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^the journal holds no event since then: is it the right one\?\nended 0 other/),
    })
  })
})

describe('doctor', () => {
  test('has nothing to say against a fresh server, and makes nothing', async () => {
    expect(await run('doctor')).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('no database yet'),
    })
    await expect(readFile(environment['PAWL_DATA'] ?? '')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('looks at settings, secrets, files, store, clock and keys', async () => {
    await run('key rotate')
    const checks = await json('doctor')
    expect(checks).toMatchObject({
      healthy: true,
      findings: ['settings', 'secrets', 'files', 'store', 'store', 'clock', 'keys'].map((check) => ({
        check,
        status: 'ok',
      })),
    })
  })

  test('T13.2 names the missing secret and the key that needs it', async () => {
    await run('key rotate')
    const kid = /^(\S{43}) /m.exec((await run('key list')).stdout)?.[1] ?? 'no key'
    environment = {
      ...environment,
      PAWL_SECRETS: Buffer.from(Array.from({ length: 32 }, (_, index) => index * 5 + 1)).toString('base64url'),
    }
    const { status, stdout } = await run('doctor')
    expect(status).toBe(1)
    expect(stdout).toMatch(
      new RegExp(`^PROBLEM keys +signing key ${kid} .*Add the secret [\\w-]{11} to PAWL_SECRETS`, 'm'),
    )
  })

  test('warns of secrets that others may read', async () => {
    await run('key rotate')
    await chmod(join(environment['PAWL_DATA'] ?? '', 'secrets'), 0o640)
    expect(await run('doctor')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^warning files .*chmod 600/m),
    })
  })

  test('finds a damaged database', async () => {
    await run('key rotate')
    const path = join(environment['PAWL_DATA'] ?? '', 'pawl.db')
    const bytes = await readFile(path)
    await writeFile(path, bytes.fill(0x5a, 4096))
    const { status, stdout } = await run('doctor')
    expect(status).toBe(1)
    expect(stdout).toMatch(/^PROBLEM store /m)
  })

  test('says what is wrong with the settings instead of failing', async () => {
    environment = { ...environment, PAWL_IDLE_SECONDS: 'long' }
    expect(await run('doctor')).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^PROBLEM settings +PAWL_IDLE_SECONDS/),
    })
  })

  test('repeats the warnings of a start', async () => {
    environment = { ...environment, PAWL_ISUER: 'x' }
    expect(await run('doctor')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('did you mean PAWL_ISSUER'),
    })
  })
})
