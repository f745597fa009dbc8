/** What a client with these scope values is told of a user (OpenID Connect Core section 5.4), beside `sub`. */
export function userClaims(
  user: { readonly username: string },
  scope: readonly string[],
): Readonly<Record<string, unknown>> {
  return scope.includes('profile') ? { preferred_username: user.username } : {}
}
