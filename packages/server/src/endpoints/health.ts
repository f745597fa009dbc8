import { type PawlContext, refuse } from './refusal-response.ts'
import type { Services } from './services.ts'

/** `GET /health/live`: the process answers. */
export function live(context: PawlContext): Response {
  return context.json({ status: 'live' })
}

/** `GET /health/ready`: it takes work and its store answers. */
export async function ready(context: PawlContext, services: Services): Promise<Response> {
  if (services.isDraining())
    return refuse(context, { error: 'temporarily_unavailable', reason: 'draining', retryAfterSeconds: 1 })
  await services.tokens.clock.storeNow()
  return context.json({ status: 'ready' })
}

/** `GET /metrics`, in the Prometheus text format. */
export async function metrics(context: PawlContext, services: Services): Promise<Response> {
  const { contentType, text } = await services.metrics.expose()
  return context.body(text, 200, { 'Content-Type': contentType })
}
