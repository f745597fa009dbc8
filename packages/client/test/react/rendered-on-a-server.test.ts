import { createClient } from '@pawl/client'
import { SessionProvider, useClient, useSession } from '@pawl/client/react'
import { createElement, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'

function Greeting() {
  const session = useSession()
  return session.status === 'active' ? session.user.username : session.status
}

function Anything() {
  return typeof useClient()
}

function render(initial?: Parameters<typeof SessionProvider>[0]['initial']): string {
  const asked: string[] = []
  const client = createClient({
    issuer: 'https://app.example',
    fetch: async (input) => {
      asked.push(String(input))
      return new Response()
    },
  })
  const properties = { client, ...(initial !== undefined && { initial }) }
  const page = createElement(SessionProvider, properties, createElement(Greeting))
  const html = renderToString(createElement(StrictMode, null, page))
  expect(asked).toEqual([])
  return html
}

test('T8.4 rendered on a server, a page shows what that server knows, and asks nobody', () => {
  expect(render()).toBe('loading')
  const user = { id: 'usr_1', username: 'ada', roles: [] }
  expect(render({ status: 'active', user, sessionId: 'x'.repeat(22), generation: 3 })).toBe('ada')
  expect(render({ status: 'signed-out', reason: 'not_signed_in' })).toBe('signed-out')
})

test('a hook outside of a provider says what is missing', () => {
  expect(() => renderToString(createElement(Greeting))).toThrow('below a SessionProvider')
  expect(() => renderToString(createElement(Anything))).toThrow('below a SessionProvider')
})
