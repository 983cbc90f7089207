/** Values that JSON does not carry, with a codec: encoded by the side that sends them, decoded by the side that reads them. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { safeEncode, toJSONSchema, type $ZodType, type input, type output } from 'zod/v4/core'
import * as z from 'zod/mini'

/** What is sent of a value; issues for one that does not fit. */
export type Encode<Wire = unknown> = (value: unknown) => StandardSchemaV1.Result<Wire>

/** Schemas of libraries have an `encode` of their own. */
const encodes = Symbol.for('agent-mesh.encode')

/** A schema with codecs: caller and handler hold `Value`, the wire carries `Wire`. */
export interface Coded<Value = unknown, Wire = unknown> extends StandardSchemaV1<Value, Value> {
  readonly '~standard': StandardSchemaV1.Props<Value, Value> & StandardJSONSchemaV1.Props<Value, Value>
  readonly [encodes]: Encode<Wire>
}

/**
 * Sends a value through the codecs of its zod schema: `coded(z.object({ at: codec.date }))` has a Date on both sides. The schema must
 * have no transform that goes one way only, and no asynchronous check.
 */
export function coded<Schema extends $ZodType>(schema: Schema): Coded<output<Schema>, input<Schema>> {
  type Value = output<Schema>
  const { validate } = (schema as unknown as StandardSchemaV1<unknown, Value>)['~standard']
  // Both directions of the wire carry what the codecs make: JSON Schema describes that alone.
  const wireSchema = () => ({ ...toJSONSchema(schema, { io: 'input' }) })
  return {
    '~standard': {
      version: 1,
      vendor: 'agent-mesh',
      validate: validate as Coded<Value>['~standard']['validate'],
      jsonSchema: { input: wireSchema, output: wireSchema },
    },
    [encodes]: value => {
      try {
        const { success, data, error } = safeEncode(schema, value as Value)
        return success ? { value: data as input<Schema> } : { issues: error.issues }
      } catch (error) {
        // A transform of one way, or an asynchronous check.
        return { issues: [{ message: error instanceof Error ? error.message : String(error) }] }
      }
    },
  }
}

/** How to encode what a schema describes; undefined: it is sent as it is. */
export const encoderOf = (schema: StandardSchemaV1): Encode | undefined =>
  encodes in schema ? (schema as Coded)[encodes] : undefined

const decimal = z.string().check(z.regex(/^-?\d{1,4096}$/))

/** For use within {@link coded}. */
export const codec = {
  /** A Date, sent as ISO text with milliseconds. An invalid Date is refused. */
  date: z.codec(z.iso.datetime(), z.date(), {
    decode: text => new Date(text),
    encode: date => date.toISOString(),
  }),
  /** A bigint of at most 4,096 digits, sent as decimal text. */
  bigint: z.codec(decimal, z.bigint(), { decode: text => BigInt(text), encode: value => String(value) }),
  /** A Map, sent as a list of pairs. */
  map: mapCodec,
}

function mapCodec<Key extends $ZodType, Value extends $ZodType>(key: Key, value: Value) {
  const pairs = z.array(z.tuple([key, value]) as unknown as $ZodType<unknown[], unknown[]>)
  const made = z.codec(pairs, z.map(z.any(), z.any()), {
    decode: list => new Map(list as [unknown, unknown][]),
    encode: map => [...map],
  })
  type Held = Map<output<Key>, output<Value>>
  return made as unknown as z.ZodMiniType<Held, [input<Key>, input<Value>][]>
}
