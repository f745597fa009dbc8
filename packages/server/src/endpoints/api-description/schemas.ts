import { clientAuthenticationMethods, grantTypes, signatureAlgorithms, tokenTypes } from '@pawl/protocol'
import type { Members, Schema } from './operation.ts'

const text = (description: string, more: Schema = {}): Schema => ({ type: 'string', description, ...more })
const seconds = (description: string): Schema => ({ type: 'integer', minimum: 0, description })
const instant: Schema = { type: 'string', format: 'date-time' }
const uri = (description: string): Schema => text(description, { format: 'uri', maxLength: 2048 })

type SchemaName =
  | 'Refusal'
  | 'User'
  | 'Session'
  | 'Sessions'
  | 'SignedIn'
  | 'Tokens'
  | 'Introspection'
  | 'Client'
  | 'KeySet'

type FirstPartyMember =
  | 'username'
  | 'password'
  | 'delivery'
  | 'access'
  | 'refresh_token'
  | 'attempt_id'
  | 'resource'
  | 'current_password'
  | 'new_password'

/** Names of the schemas that stand once in the document, as references to them. */
export const refer = (name: SchemaName): Schema => ({ $ref: `#/components/schemas/${name}` })

/** An object that may hold more than is told here. */
export function objectOf(properties: Members, required: readonly string[] = []): Schema {
  return { type: 'object', properties, ...(required.length > 0 && { required }) }
}

const lifetimes: Members = {
  expires_in: seconds('Seconds until the access token expires.'),
  refresh_in: seconds('Seconds until the client had better refresh; jittered.'),
  refresh_token_timeout: seconds('Seconds until the refresh token dies if it is not used.'),
  authorization_expires_in: seconds('Seconds until the session ends whatever happens.'),
}

const user = objectOf(
  {
    id: text('`sub` of its tokens.'),
    username: text('Its name.'),
    roles: { type: 'array', items: { type: 'string' } },
  },
  ['id', 'username', 'roles'],
)

const sessionMembers: Members = {
  session_id: text('Id of the session.'),
  client_id: text('Client of the session.'),
  created_at: instant,
  last_used_at: instant,
  ends_at: instant,
}

/** Schemas that several operations share. */
export const namedSchemas: Readonly<Record<SchemaName, Schema>> = {
  Refusal: objectOf(
    {
      error: text('What is wrong, as a code.'),
      error_description: text('The same in words.'),
      reason: text('What is wrong more closely, as a code.'),
      request_id: text('Stands in the log, too.'),
    },
    ['error', 'error_description', 'request_id'],
  ),
  User: user,
  Session: objectOf({ ...sessionMembers, user }, [
    'session_id',
    'user',
    'client_id',
    'created_at',
    'last_used_at',
    'ends_at',
  ]),
  Sessions: objectOf(
    {
      sessions: {
        type: 'array',
        items: objectOf({
          ...sessionMembers,
          address: { type: ['string', 'null'] },
          user_agent: { type: ['string', 'null'] },
          current: { const: true, description: 'Present on the session that asked.' },
        }),
      },
    },
    ['sessions'],
  ),
  SignedIn: objectOf(
    {
      session_id: text('Id of the session.'),
      user,
      ...lifetimes,
      access_token: text('With `delivery: body` or `access: memory`.'),
      token_type: { const: 'Bearer' },
      refresh_token: text('With `delivery: body`.'),
      access_tokens: { type: 'object', description: 'One access token for each resource that was named.' },
    },
    ['session_id', 'user', ...Object.keys(lifetimes)],
  ),
  Tokens: objectOf(
    {
      access_token: text('A JWT (RFC 9068).'),
      token_type: { const: 'Bearer' },
      ...lifetimes,
      scope: text('Scope of the access token.'),
      refresh_token: text('The next refresh token.'),
      issued_token_type: text('Of a token exchange.'),
    },
    ['access_token', 'token_type', 'expires_in'],
  ),
  Introspection: objectOf({ active: { type: 'boolean' } }, ['active']),
  Client: objectOf(
    {
      client_id: text('Id of the client.'),
      client_id_issued_at: { type: 'integer' },
      client_secret: text('Shown once.'),
      client_secret_expires_at: { const: 0 },
      registration_access_token: text('Reads and withdraws the registration; shown once.'),
      registration_client_uri: uri('Where to do so.'),
    },
    ['client_id'],
  ),
  KeySet: objectOf({ keys: { type: 'array', items: { type: 'object' } } }, ['keys']),
}

/** Members of the JSON bodies of the first-party endpoints. */
export const firstPartyMembers: Readonly<Record<FirstPartyMember, Schema>> = {
  username: text('Name or e-mail address.', { minLength: 1, maxLength: 256 }),
  password: text('Password.', { minLength: 1, maxLength: 4096 }),
  delivery: text('How the tokens come; default: cookie.', { enum: ['cookie', 'body'] }),
  access: text('With cookies: the access token comes in the body all the same.', { enum: ['memory'] }),
  refresh_token: text('Default: the cookie.', { maxLength: 1024 }),
  attempt_id: text('22 to 86 base64url characters, one per generation.', { pattern: '^[A-Za-z0-9_-]{22,86}$' }),
  resource: {
    description: 'Resources to have access tokens for.',
    anyOf: [uri('One.'), { type: 'array', items: uri('Several.'), minItems: 1, maxItems: 10 }],
  },
  current_password: text('Password up to now.', { minLength: 1, maxLength: 4096 }),
  new_password: text('Password from now on: 15 to 1,024 characters.', { minLength: 15, maxLength: 1024 }),
}

/** Parameters by which a client proves who it is where it does not use the `Authorization` header. */
export const clientParameters: Members = {
  client_id: text('Id of the client.', { maxLength: 2048 }),
  client_secret: text('With `client_secret_post`.'),
  client_assertion_type: text('With `private_key_jwt`.', {
    enum: ['urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
  }),
  client_assertion: text('With `private_key_jwt`: a JWT signed by the client.'),
}

/** Parameters of the token endpoint. */
export const tokenParameters: Members = {
  grant_type: text('What is presented.', { enum: grantTypes }),
  refresh_token: text('With `refresh_token`.'),
  attempt_id: firstPartyMembers.attempt_id,
  scope: text('Scope values, parted by spaces; at most what was granted.'),
  resource: { type: 'array', items: uri('Resources to have a token for (RFC 8707).') },
  audience: { type: 'array', items: { type: 'string' }, description: 'With a token exchange, beside `resource`.' },
  subject_token: text('With a token exchange.'),
  subject_token_type: text('What that is.', { enum: Object.values(tokenTypes) }),
  requested_token_type: text('Only an access token.', { enum: [tokenTypes.accessToken] }),
  actor_token: text('With a token exchange: who acts.'),
  actor_token_type: text('Beside `actor_token`.', { enum: [tokenTypes.accessToken] }),
}

/** Client metadata (RFC 7591 section 2), as far as it is read. */
export const metadataMembers: Members = {
  client_name: text('What the client calls itself.'),
  redirect_uris: { type: 'array', maxItems: 20, items: uri('https, loopback http, or a scheme with a dot.') },
  grant_types: { type: 'array', items: { type: 'string' } },
  response_types: { type: 'array', items: { const: 'code' } },
  token_endpoint_auth_method: text('Default: client_secret_basic.', { enum: clientAuthenticationMethods }),
  token_endpoint_auth_signing_alg: text('With private_key_jwt.', { enum: signatureAlgorithms }),
  jwks: { ...objectOf({ keys: { type: 'array', items: { type: 'object' } } }), description: 'With private_key_jwt.' },
  jwks_uri: uri('Instead of jwks.'),
  scope: text('Scope values, parted by spaces.'),
}
