/** Curves over the size of the mesh as SVG: text that can be compared line by line; no library. */
const frame = { width: 640, height: 360, left: 56, right: 150, top: 24, bottom: 44 } as const
const decades = [10, 100, 1_000, 10_000]

export interface Curve {
  name: string
  colour: string
  points: readonly (readonly [members: number, value: number])[]
}

/** @param most the top of the vertical axis */
export function chart(title: string, unit: string, most: number, curves: readonly Curve[]): string {
  const { width, height, left, right, top, bottom } = frame
  const x = (members: number) => left + ((Math.log10(members) - 1) / 3) * (width - left - right)
  const y = (value: number) => height - bottom - (value / most) * (height - top - bottom)
  const round = (value: number) => value.toFixed(1)
  const text = (at: readonly [number, number], words: string, rest = '') =>
    `<text x="${round(at[0])}" y="${round(at[1])}" ${rest}>${words}</text>`
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap(part => [
    `<line x1="${left}" x2="${width - right}" y1="${round(y(part * most))}" y2="${round(y(part * most))}" stroke="#ddd"/>`,
    text([left - 6, y(part * most) + 4], String(part * most), 'text-anchor="end"'),
  ])
  const axis = decades.map(members =>
    text([x(members), height - bottom + 18], members.toLocaleString('en'), 'text-anchor="middle"'),
  )
  const lines = curves.flatMap(({ name, colour, points }) => {
    const last = points.at(-1) ?? [10, 0]
    return [
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(([n, v]) => `${round(x(n))},${round(y(v))}`).join(' ')}"/>`,
      text([x(last[0]) + 6, y(last[1]) + 4], name, `fill="${colour}"`),
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text([left, 16], `${title}, ${unit}`, 'font-size="14"'),
    ...[...grid, ...axis, ...lines],
    text([(left + width - right) / 2, height - 8], 'agents', 'text-anchor="middle"'),
    '</svg>',
    '',
  ].join('\n')
}
