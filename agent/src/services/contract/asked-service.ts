import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../../core/invalid-argument.ts'
import { serviceRef, type ServiceContract } from './contract.ts'

/**
 * The name of a service that a program asks for: `math` or `math@2`.
 * @param service a contract, or such a name @param verb what it asks: `wait for`
 * @throws MeshError invalid_argument for what can be neither: no member would ever serve it
 */
export function askedService(
  service: string | Pick<ServiceContract, 'name' | 'version'>,
  verb: string,
): string {
  const given: unknown = service
  const named = typeof given === 'object' && given !== null && 'name' in given && 'version' in given
  const ref = named ? serviceRef(given as ServiceContract) : given
  const { serviceName, serviceRef: versioned } = fieldForms
  if (typeof ref === 'string' && (serviceName.pattern.test(ref) || versioned.pattern.test(ref))) return ref
  throw invalidArgument(
    `${verb} a service`,
    `${shownValue(ref)} is no name of a service`,
    "Give its contract, 'math' or 'math@2'.",
  )
}
