import { writeSync } from 'node:fs'
import { addUser, aMove, moved, openSession } from '../../src/storage/contract/records.ts'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.ts'
import type { Storage } from '../../src/storage/store-ports.ts'

// Another process on the same file. It says `ready`, waits for its input to end, and does what its first argument says.

const [task, file, ...names] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: sqlite-child.ts TASK FILE [SESSION…]')
const storage = sqliteStorage({ file, clock: Date.now })

/** Written through at once: what the parent reads was acknowledged, and what was acknowledged it reads. */
function say(line: string): void {
  writeSync(1, `${line}\n`)
}

/** Moves a session for ever, and tells each generation once it is acknowledged. */
async function advance(store: Storage, id: string): Promise<never> {
  let { session } = await store.readSession(id)
  for (;;) {
    if (session === undefined) throw new Error('the session is gone')
    const move = aMove(session, Date.now(), { idleExpiresAt: Number.MAX_SAFE_INTEGER })
    if (!(await store.moveSession(move))) throw new Error('nobody else moves this session')
    session = moved(session, move)
    say(`${id} ${session.generation}`)
  }
}

/** Moves a session that others move too, until it has reached a generation; how many of the moves were its own. */
async function contend(store: Storage, id: string, until: number): Promise<number> {
  let won = 0
  for (;;) {
    const { session } = await store.readSession(id)
    if (session === undefined) throw new Error('the session is gone')
    if (session.generation >= until) return won
    if (await store.moveSession(aMove(session, Date.now(), { idleExpiresAt: Number.MAX_SAFE_INTEGER }))) won += 1
  }
}

const tasks: Readonly<Record<string, () => Promise<void>>> = {
  async open() {
    await storage.open()
    say(`opened ${await storage.keysVersion()}`)
    await storage.close()
  },
  async prepare() {
    await storage.open()
    const user = await addUser(storage, 'ada')
    const limits = { idleExpiresAt: Number.MAX_SAFE_INTEGER, absoluteExpiresAt: Number.MAX_SAFE_INTEGER }
    for (const name of names) say((await openSession(storage, name, user, limits)).id)
    await storage.close()
  },
  async advance() {
    await storage.open()
    await Promise.all(names.map((id) => advance(storage, id)))
  },
  async contend() {
    await storage.open()
    const [id = '', until] = names
    say(String(await contend(storage, id, Number(until))))
    await storage.close()
  },
}

say('ready')
for await (const _ of process.stdin);
await tasks[task ?? '']?.()
