import type { BffAccess } from '@pawl/client/bff'
import { headers } from 'next/headers'
import { rendering } from '../application.ts'

/** In whose name the page that is rendered now may ask APIs. */
export async function access(): Promise<BffAccess> {
  const given = await headers()
  return rendering().access(given)
}
