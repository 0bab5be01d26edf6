/** axe-core, run in a page whose Content-Security-Policy lets nothing in. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** @returns what is serious or critical, with the first element of each */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate<readonly { id: string; impact: string; html: string }[]>(
    'axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes[0].html })))',
  );
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, html }) => `${id}: ${html}`);
}
