// Runs under whatever Node the machine has (>= 20): installs what the lockfile names when it is not there yet, and
// with it the pinned Node that the scripts then run on. Speaks on stderr only, so that stdout stays the command's own.
//
// Whether it is there is read from npm's own note of what it installed (node_modules/.package-lock.json), which npm
// writes last: an installation that was cut short has none, and is done anew from nothing.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = process.argv[2] ?? root
const lock = join(folder, '.installing')

if (process.env.PAWL_SKIP_INSTALL !== '1' && !isInstalled()) {
  await takeLock()
  // Whoever held the lock before may have installed meanwhile.
  process.exitCode = isInstalled() ? 0 : await install()
  rmSync(lock, { force: true })
}

function isInstalled() {
  const note = join(folder, 'node_modules', '.package-lock.json')
  if (!existsSync(note) || !hasRecentNode()) return false
  const { packages: present } = JSON.parse(readFileSync(note, 'utf8'))
  const { packages: wanted } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'))
  return Object.entries(wanted)
    .filter(([path]) => path.includes('node_modules/'))
    .every(([path, { version, integrity, optional }]) => {
      const found = present[path]
      return found ? found.version === version && found.integrity === integrity : optional === true
    })
}

/** The pinned Node is an optional package (there is one per platform), and npm passes over one that it cannot fetch. */
function hasRecentNode() {
  if (folder !== root || existsSync(join(root, 'node_modules', '.bin', 'node'))) return true
  return Number(process.versions.node.split('.')[0]) >= 24
}

/** Two first runs at once (npm start in one window, npm test in another) must not write one node_modules. */
async function takeLock() {
  for (let told = false; ; ) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (lockIsAbandoned()) {
      rmSync(lock, { force: true })
      continue
    }
    if (!told) console.error(`another installation is running in ${folder}; waiting for it (its lock is ${lock}) …`)
    told = true
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** The lock of a process that is gone, or one that never got as far as naming its process. */
function lockIsAbandoned() {
  try {
    const holder = Number(readFileSync(lock, 'utf8'))
    return holder > 0 ? !isAlive(holder) : Date.now() - statSync(lock).mtimeMs > 10_000
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return false
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function install() {
  console.error(`installing dependencies in ${folder} …`)
  for (const modules of installedFolders()) rmSync(modules, { recursive: true, force: true })
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js') ? process.env.npm_execpath : undefined
  const [command, first] = npm ? [process.execPath, [npm]] : ['npm', []]
  // Not `npm ci`: that refuses a lockfile written where the registry does not offer the packages of every platform.
  // Development and platform packages are part of it whatever NODE_ENV or the user's npm settings leave out elsewhere.
  const options = ['--no-save', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']
  const child = spawn(command, [...first, 'install', ...options], { cwd: folder, stdio: ['ignore', 2, 2] })
  // From here on npm is the one that writes: should this process be killed, the lock lives as long as npm does.
  if (child.pid) writeFileSync(lock, String(child.pid))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`npm could not be run: ${error.message}`)
      resolve(1)
    })
    child.on('exit', (code, signal) => {
      if (code !== 0) console.error('the installation did not finish; what npm said stands above')
      else if (!hasRecentNode())
        console.error(
          `npm could not fetch the pinned Node; run this again, or use Node >= 24 (this is ${process.version})`,
        )
      resolve(code === 0 && !hasRecentNode() ? 1 : (code ?? 128 + constants.signals[signal]))
    })
  })
}

/** Everything npm wrote before: a half-written package looks whole to it, so nothing of an earlier run may stay. */
function installedFolders() {
  const workspaces = join(folder, 'packages')
  const names = existsSync(workspaces) ? readdirSync(workspaces) : []
  return [join(folder, 'node_modules'), ...names.map((name) => join(workspaces, name, 'node_modules'))]
}
