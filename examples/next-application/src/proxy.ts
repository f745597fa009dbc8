import { type NextRequest, NextResponse } from 'next/server'
import { rendering } from './application.ts'

/** Sends a browser whose access token has expired to be renewed, and back. Everything else goes on. */
export async function proxy(request: NextRequest): Promise<Response> {
  return (await rendering().renewFirst(request)) ?? NextResponse.next()
}

// Next.js shows its own prefetches to this list, and to no proxy.
export const config = {
  matcher: [
    {
      source: '/((?!_next/|bff/|api/|favicon.ico).*)',
      missing: [{ type: 'header', key: 'next-router-prefetch' }],
    },
  ],
}
