/** Options that are addresses: see address-form.ts. */
import * as z from 'zod/mini'
import { addressForm, announceExamples, listenExamples, multiaddrOf, noAddress } from './address-form.ts'

const longest = 128

const addressField = (examples: string) =>
  z.pipe(
    z.pipe(z.string().check(z.maxLength(longest)), z.transform(multiaddrOf)),
    z.string().check(z.regex(addressForm, { error: noAddress(examples) })),
  )

export const listenField = addressField(listenExamples)

export const announceField = addressField(announceExamples)
