/** UTF-16 units looked at in one step. */
const stepUnits = 16 * 1024
/** Each becomes at most three bytes. Nothing is read from here. */
const scratch = Buffer.allocUnsafeSlow(3 * stepUnits)

/**
 * How many bytes a text takes in UTF-8. Writing ASCII, which most JSON is, takes a fifth to a tenth of the time that
 * Buffer.byteLength takes to count it (Node 24: 0.2 and 2 us for 10 KB); for other texts counting is quicker.
 */
export function textBytes(text: string): number {
  for (let at = 0; at < text.length; at += stepUnits) {
    const step = text.length <= stepUnits ? text : text.slice(at, at + stepUnits)
    if (scratch.write(step, 0, 'utf8') !== step.length) return at + Buffer.byteLength(text.slice(at))
  }
  return text.length
}
