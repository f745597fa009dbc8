import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { z } from 'zod'

const axeResults = z.object({
  violations: z.array(
    z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string(), failureSummary: z.string().optional() })) }),
  ),
  passes: z.array(z.unknown()),
})

/** What axe finds wrong with the page as it is, with the elements concerned. */
export async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const results = axeResults.parse(await page.evaluate('axe.run(document, { resultTypes: ["violations", "passes"] })'))
  expect(results.passes.length).toBeGreaterThan(5)
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ''}`),
  )
}
