import type { Administration } from '@pawl/server'
import type { StartedServer } from './started-server.ts'

type Registration = Parameters<Administration['addClient']>[0]

/** Registers a client and gives its secret; empty for a public one. */
export async function addClient(server: StartedServer, registration: Registration): Promise<string> {
  const added = await server.pawl.administration.addClient(registration)
  if (!added.ok) throw new Error(added.message)
  return added.generatedSecret ?? registration.secret ?? ''
}

/** `Authorization: Basic` as RFC 6749 section 2.3.1 has it: id and secret form-urlencoded before base64. */
export function basic(id: string, secret: string): { readonly authorization: string } {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
  return { authorization: `Basic ${btoa(`${encode(id)}:${encode(secret)}`)}` }
}
