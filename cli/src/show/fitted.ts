/** Lines below the page itself: an empty one, the foot, a failure, the cursor's. */
const reservedLines = 4

/** As many lines as a terminal of `rows` shows above the foot. */
export function fitted(lines: readonly string[], rows: number): readonly string[] {
  const room = Math.max(1, rows - reservedLines)
  if (lines.length <= room) return lines
  return [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines`]
}
