import type { ReactNode } from 'react'
import { access } from './access.ts'
import { Session } from './session.tsx'

export const metadata = { title: 'An application in Next.js' }

export default async function Layout({ children }: { readonly children: ReactNode }) {
  const found = await access()
  const initial =
    found.status === 'active'
      ? ({ status: 'active', user: found.user, sessionId: found.sessionId, generation: undefined } as const)
      : undefined
  return (
    <html lang="en">
      <body>
        <header>
          <Session initial={initial} />
        </header>
        {children}
      </body>
    </html>
  )
}
