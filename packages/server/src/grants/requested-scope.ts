import type { Refusal } from '@pawl/protocol'

/** RFC 6749 section 3.3: scope tokens parted by single spaces. */
const scopeForm = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/

/** What a request may have, or why not. */
export type Narrowed =
  | { readonly kind: 'narrowed'; readonly values: readonly string[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** Narrows a granted scope to what a request asks for (standards RT-5); nothing asked means all of it. */
export function narrowScope(requested: string | undefined, granted: readonly string[]): Narrowed {
  if (requested === undefined) return { kind: 'narrowed', values: granted }
  const values = scopeForm.test(requested) ? [...new Set(requested.split(' '))] : []
  const allowed = values.length > 0 && values.every((value) => granted.includes(value))
  return allowed ? { kind: 'narrowed', values } : { kind: 'refused', refusal: { error: 'invalid_scope' } }
}

/**
 * Narrows granted resources to those a request names (RFC 8707 section 2.2), by exact comparison; nothing asked means
 * `fallback`.
 */
export function narrowResources(
  requested: readonly string[],
  granted: readonly string[],
  fallback: readonly string[],
): Narrowed {
  if (requested.length === 0) return { kind: 'narrowed', values: fallback }
  const values = [...new Set(requested)]
  const allowed = values.every((value) => granted.includes(value))
  return allowed ? { kind: 'narrowed', values } : { kind: 'refused', refusal: { error: 'invalid_target' } }
}
