/** Every word of the pages. A further language is a further record of this type. */
export interface PageTexts {
  readonly language: string
  readonly signIn: string
  readonly signInTo: (client: string) => string
  readonly username: string
  readonly password: string
  readonly wrongCredentials: string
  readonly tooManyFailures: (seconds: number) => string
  readonly tryAgainSoon: string
  readonly consentTitle: (client: string) => string
  /** Of a client that registered or described itself. */
  readonly unvouched: (id: string) => string
  readonly signedInAs: (username: string) => string
  readonly useAnotherAccount: string
  readonly wants: string
  readonly nothingInParticular: string
  readonly scope: (value: string) => string
  readonly at: string
  readonly goesTo: string
  readonly lasts: string
  readonly days: (days: number) => string
  readonly minutes: (minutes: number) => string
  readonly takeBack: string
  readonly allow: string
  readonly deny: string
  readonly signInDevice: string
  readonly deviceTitle: string
  readonly deviceEnter: string
  readonly userCode: string
  readonly wrongUserCode: string
  readonly goOn: string
  readonly deviceConfirm: (client: string) => string
  readonly deviceWarning: string
  readonly deviceAllowedTitle: string
  readonly deviceAllowed: string
  readonly deviceDeniedTitle: string
  readonly deviceDenied: string
  readonly signOutTitle: string
  readonly signOut: string
  readonly staySignedIn: string
  readonly signedOutTitle: string
  readonly signedOut: string
  readonly stayedTitle: string
  readonly stayed: string
  readonly errorTitle: string
  readonly errorOf: Readonly<Record<PageFault, string>>
  readonly errorCode: string
  readonly requestId: string
}

/** What can keep a page from doing what it was asked for. */
export type PageFault = 'client' | 'redirect_uri' | 'request' | 'origin' | 'server'

const scopes: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  profile: 'See your name',
  offline_access: 'Stay signed in while you are away',
}

/** English. */
export const english: PageTexts = {
  language: 'en',
  signIn: 'Sign in',
  signInTo: (client) => `to go on to ${client}`,
  username: 'Username',
  password: 'Password',
  wrongCredentials: 'The username or the password is wrong.',
  tooManyFailures: (seconds) => `Wrong too often. Try again in ${seconds} seconds.`,
  tryAgainSoon: 'The server is busy. Try again in a moment.',
  consentTitle: (client) => `Allow ${client}?`,
  unvouched: (id) =>
    `This application chose its name itself, and nobody here has checked it. It goes by ${id}. Allow it only if you have just begun this yourself.`,
  signedInAs: (username) => `Signed in as ${username}.`,
  useAnotherAccount: 'Use another account',
  wants: 'It may',
  nothingInParticular: 'Know that you are signed in',
  scope: (value) => scopes[value] ?? value,
  at: 'At',
  goesTo: 'You go on to',
  lasts: 'For at most',
  days: (days) => (days === 1 ? '1 day' : `${days} days`),
  minutes: (minutes) => (minutes === 1 ? '1 minute' : `${minutes} minutes`),
  takeBack: 'You can take this back at any time.',
  allow: 'Allow',
  deny: 'Deny',
  signInDevice: 'to sign in a device',
  deviceTitle: 'Sign in a device',
  deviceEnter: 'Type the code that the device shows.',
  userCode: 'Code',
  wrongUserCode: 'That code is not known, or its time is up. Look at the device again.',
  goOn: 'Go on',
  deviceConfirm: (client) => `Sign in a device with ${client}?`,
  deviceWarning:
    'You are signing in a device. Go on only if you hold it yourself and it shows this code. Nobody who calls or writes to you needs it.',
  deviceAllowedTitle: 'The device is signed in',
  deviceAllowed: 'Go back to it. You can close this window.',
  deviceDeniedTitle: 'The device was refused',
  deviceDenied: 'You can close this window.',
  signOutTitle: 'Sign out?',
  signOut: 'Sign out',
  staySignedIn: 'Stay signed in',
  signedOutTitle: 'Signed out',
  signedOut: 'You can close this window.',
  stayedTitle: 'Still signed in',
  stayed: 'Nothing was done. You can close this window.',
  errorTitle: 'This does not work',
  errorOf: {
    client: 'The application that sent you here is not known to this server.',
    redirect_uri: 'The application that sent you here named an address to return to that is not registered for it.',
    request: 'What the application asked for is malformed, or its time is up. Go back to it and begin again.',
    origin: 'This form was sent from another site, so nothing was done.',
    server: 'The server cannot do this now. Try again in a moment.',
  },
  errorCode: 'Error',
  requestId: 'Request',
}
