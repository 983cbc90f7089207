/** PNG images of 8 bits a channel, read and written with zlib alone; see the PNG specification, W3C, third edition. */
import { crc32, deflateSync, inflateSync } from 'node:zlib'

/** `channels`: 1 gray, 3 red green blue, 4 with alpha; `pixels`: row after row. */
export interface Image {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3 | 4
  readonly pixels: Uint8Array
}

const signature = Buffer.from('89504e470d0a1a0a', 'hex')
const channelsOf: Record<number, Image['channels']> = { 0: 1, 2: 3, 6: 4 }
const colorOf = { 1: 0, 3: 2, 4: 6 } as const
/** Pixels of an image at most: 16 million take 64 MB. */
const mostPixels = 16_000_000

/** @throws Error for what is no PNG, is larger than 16 million pixels, has other channels or is interlaced */
export function decodePng(file: Uint8Array): Image {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  if (!bytes.subarray(0, 8).equals(signature)) throw new Error('it is no PNG')
  let head: Buffer | undefined
  const data: Buffer[] = []
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    const body = bytes.subarray(at + 8, at + 8 + length)
    if (body.length < length) throw new Error('it is cut off')
    if (type === 'IHDR') head = body
    if (type === 'IDAT') data.push(body)
    at += length + 12
  }
  if (head === undefined || head.length < 13) throw new Error('it has no head')
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)]
  const channels = channelsOf[head[9]!]
  if (head[8] !== 8 || channels === undefined || head[12] !== 0)
    throw new Error('it is of a kind that is not read')
  if (width * height === 0 || width * height > mostPixels) throw new Error(`it is ${width} x ${height}`)
  const size = (width * channels + 1) * height
  // A small file may say that it inflates to gigabytes.
  const lines = inflateSync(Buffer.concat(data), { maxOutputLength: size })
  if (lines.length < size) throw new Error('it is cut off')
  return { width, height, channels, pixels: unfiltered(lines, width * channels, channels) }
}

/** Each line begins with its filter, which says what of its neighbours each byte is a difference to. */
function unfiltered(lines: Uint8Array, row: number, step: number): Uint8Array {
  const pixels = new Uint8Array((lines.length / (row + 1)) * row)
  for (let from = 0, to = 0; to < pixels.length; from += row + 1, to += row) {
    const filter = lines[from]!
    for (let x = 0; x < row; x++) {
      const left = x < step ? 0 : pixels[to + x - step]!
      const up = to === 0 ? 0 : pixels[to + x - row]!
      const corner = x < step || to === 0 ? 0 : pixels[to + x - row - step]!
      pixels[to + x] = lines[from + 1 + x]! + predicted(filter, left, up, corner)
    }
  }
  return pixels
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter < 2) return filter === 0 ? 0 : left
  if (filter < 4) return filter === 2 ? up : (left + up) >> 1
  if (filter > 4) throw new Error(`its filter is ${filter}`)
  const guess = left + up - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}

export function encodePng({ width, height, channels, pixels }: Image): Uint8Array<ArrayBuffer> {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, colorOf[channels], 0, 0, 0], 8)
  const row = width * channels
  const lines = Buffer.alloc((row + 1) * height)
  for (let y = 0; y < height; y++) lines.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1)
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length)
  check.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, check])
}

/** At most `side` pixels wide and high: each pixel is the mean of those that it stands for. */
export function shrunk(image: Image, side: number): Image {
  const factor = Math.max(1, image.width / side, image.height / side)
  const [width, height] = [image.width, image.height].map(length =>
    Math.max(1, Math.floor(length / factor)),
  ) as [number, number]
  const { channels } = image
  const pixels = new Uint8Array(width * height * channels)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        pixels[(y * width + x) * channels + c] = mean(image, { x, y, c, factor })
  return { width, height, channels, pixels }
}

function mean(image: Image, { x, y, c, factor }: Record<'x' | 'y' | 'c' | 'factor', number>): number {
  const { width, height, channels, pixels } = image
  const until = (at: number, most: number) => Math.min(most, Math.ceil((at + 1) * factor))
  let sum = 0
  let count = 0
  for (let row = Math.floor(y * factor); row < until(y, height); row++)
    for (let column = Math.floor(x * factor); column < until(x, width); column++, count++)
      sum += pixels[(row * width + column) * channels + c]!
  return Math.round(sum / count)
}
