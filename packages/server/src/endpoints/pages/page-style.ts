/**
 * The style of the pages: the tokens and manners of the playground's design language (packages/playground/page/design.css),
 * and no more of it than forms need.
 */
export function pageStyle(colour: string | undefined): string {
  return `${tokens}${colour === undefined ? '' : `:root{--accent:${colour};--accent-ink:${inkOn(colour)}}`}${rules}`
}

/** Tokens of the design language that the pages use, each as it stands there. */
export const designTokens: Readonly<Record<string, string>> = {
  paper: 'light-dark(#f6f6f3, #131619)',
  surface: 'light-dark(#ffffff, #1a1e22)',
  ink: 'light-dark(#1b1f23, #e7e9eb)',
  'ink-soft': 'light-dark(#565e66, #a2abb4)',
  line: 'light-dark(#dcdcd6, #2c3238)',
  edge: 'light-dark(#83898f, #6d767f)',
  accent: 'light-dark(#0a5c68, #6fc6d2)',
  'accent-ink': 'light-dark(#ffffff, #0d2226)',
  danger: 'light-dark(#a8281c, #ff9486)',
  'danger-wash': 'light-dark(#fbe9e6, #331a17)',
}

const tokens = `:root{color-scheme:light dark;${Object.entries(designTokens)
  .map(([name, value]) => `--${name}:${value}`)
  .join(';')}}`

const rules = `
*,*::before,*::after{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);overflow-wrap:break-word;
  font:0.9375rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif}
main{max-width:26rem;margin:0 auto;padding:2.25rem 1rem}
header{display:flex;align-items:center;gap:0.75rem;margin-bottom:1.5rem;color:var(--ink-soft)}
header img{height:2rem;width:auto}
.card{background:var(--surface);border:1px solid var(--line);border-radius:0.625rem;padding:1.5rem}
h1{font-size:1.625rem;line-height:1.25;margin:0 0 0.25rem}
p{margin:0 0 1rem}
.soft{color:var(--ink-soft)}
label{display:block;margin:0 0 0.25rem}
input[type=text],input[type=password]{width:100%;min-height:2.5rem;margin:0 0 1rem;padding:0 0.75rem;font:inherit;
  color:inherit;background:var(--paper);border:1px solid var(--edge);border-radius:0.375rem}
button{min-height:2.5rem;padding:0 1rem;font:inherit;border:1px solid var(--edge);border-radius:0.375rem;
  background:var(--surface);color:var(--ink);cursor:pointer}
button.main{background:var(--accent);border-color:var(--accent);color:var(--accent-ink)}
button.plain{border-color:transparent;padding:0;color:var(--ink);text-decoration:underline;background:none}
.row{display:flex;gap:0.75rem;flex-wrap:wrap}
dl{margin:1rem 0}
dt{color:var(--ink-soft);font-size:0.8125rem}
dd{margin:0 0 0.75rem}
ul{margin:0;padding-left:1.25rem}
.alert{background:var(--danger-wash);color:var(--danger);border-radius:0.375rem;padding:0.75rem;margin:0 0 1rem}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
code{font-family:ui-monospace,"SF Mono","Cascadia Code",Menlo,Consolas,"Liberation Mono",monospace}
`

/** Black or white, whichever stands out more from a colour (WCAG 2.2, relative luminance). */
function inkOn(colour: string): string {
  const channel = (place: number) => {
    const value = Number.parseInt(colour.slice(place, place + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  const luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
  return luminance > 0.179 ? '#000000' : '#ffffff'
}
