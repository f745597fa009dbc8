import type { PawlConfiguration } from '@pawl/server'

/** How a test issuer is set up. All fields are optional. */
export interface TestIssuerOptions
  extends Pick<
    PawlConfiguration,
    | 'accessSeconds'
    | 'idleSeconds'
    | 'absoluteSeconds'
    | 'raceWindowSeconds'
    | 'trustedOrigins'
    | 'registration'
    | 'signingAlgorithm'
    | 'claims'
    | 'authenticate'
    | 'logger'
  > {
  /** Default `https://app.test`. */
  readonly issuer?: string
  /** Resource that tokens are for when none is named. Default `https://api.test`. */
  readonly audience?: string
  /** Where the clock stands at first, in milliseconds since 1970. Default: the system's time, once. */
  readonly now?: number
  /** Of everything that is drawn by lot but the signing keys. Default 1: every run is alike. */
  readonly seed?: number | string
  /** Lets the kit run where `NODE_ENV` is `production`. Its secret is published: whoever knows it can forge everything. */
  readonly dangerouslyRunInProduction?: boolean
}
