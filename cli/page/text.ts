/** Texts of values. */

/** `3 min`, `2 h`, `5 d`. @param ms */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}

/** @param at unix milliseconds */
export const ago = (at: number): string => `${duration(Date.now() - at)} ago`

export const dateOf = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ')

/** Characters that reorder or hide text are shown as escapes: names and results come from other members. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}]|(?![\n\t])\p{Cc}/gu, character => {
    const code = character.codePointAt(0) ?? 0
    return `\\u{${code.toString(16)}}`
  })
