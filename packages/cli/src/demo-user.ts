import { randomBytes } from 'node:crypto'
import { demoRole, demoUsername, type Pawl } from '@pawl/server'

/**
 * Makes the playground's user at the first start in development, and says how to sign in as it. The password is told this
 * once: the store keeps its hash only.
 *
 * @returns lines for the one who started the server; none in production
 */
export async function greetDemoUser(pawl: Pick<Pawl, 'administration' | 'settings'>): Promise<readonly string[]> {
  const { settings, administration } = pawl
  if (settings.mode === 'production') return []
  const page = `playground: ${settings.issuer}/playground`
  const users = await administration.listUsers()
  if (users.some((user) => user.username === demoUsername)) {
    return [
      `${page}, user ${demoUsername}; for a new password: npm run pawl -- user password ${demoUsername} --password-stdin`,
    ]
  }
  const password = randomBytes(15).toString('base64url')
  const added = await administration.addUser({ username: demoUsername, password, roles: [demoRole] })
  // Of two servers that start at once on one store, the other one made it and tells the password.
  return added.outcome === 'added' ? [`${page}, user ${demoUsername}, password ${password}`] : [page]
}
