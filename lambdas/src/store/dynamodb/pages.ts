import type { Item } from './item.ts'

/** The first items of a query, reading no more pages than that takes. */
export async function takeUpTo(limit: number, pages: AsyncIterable<Item[]>): Promise<Item[]> {
  const items: Item[] = []
  for await (const page of pages) {
    items.push(...page.slice(0, limit - items.length))
    if (items.length >= limit) break
  }
  return items
}
