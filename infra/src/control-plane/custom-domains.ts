import { Stack } from 'aws-cdk-lib'
import {
  ApiMapping,
  DomainName,
  EndpointType,
  type HttpStage,
  type IApi,
  type WebSocketStage,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { Certificate, CertificateValidation, type ICertificate } from 'aws-cdk-lib/aws-certificatemanager'
import { CfnRecordSet, type IHostedZone } from 'aws-cdk-lib/aws-route53'
import type { Construct } from 'constructs'

import { idsBelowStack, meshName } from '../mesh-name.ts'
import type { MeshDomain } from './props.ts'

/**
 * The domain of the HTTP API, and `watch.` before it for the WebSocket API. With a hosted zone both names are in the DNS, and
 * the certificate is made and proven there unless one is given.
 */
export function customDomains(scope: Construct, domain: MeshDomain): { api: DomainName; watch: DomainName } {
  const names = { api: domain.name, watch: `watch.${domain.name}` }
  const certificate = certificateOf(scope, domain, names.watch)
  const make = (id: string, domainName: string): DomainName => {
    const made = new DomainName(scope, id, {
      domainName,
      certificate,
      endpointType: EndpointType.REGIONAL,
    })
    if (domain.hostedZone !== undefined) record(made, domain.hostedZone)
    return made
  }
  return { api: make('Domain', names.api), watch: make('WatchDomain', names.watch) }
}

function certificateOf(scope: Construct, domain: MeshDomain, watchName: string): ICertificate {
  const { certificate, hostedZone, name } = domain
  if (certificate !== undefined) return certificate
  if (hostedZone === undefined)
    throw new Error(`Cannot use domain ${name}: it needs a certificate, or a hosted zone to prove one in`)
  return new Certificate(scope, 'Certificate', {
    certificateName: `${meshName(scope)}/Certificate`,
    domainName: name,
    subjectAlternativeNames: [watchName],
    validation: CertificateValidation.fromDns(hostedZone),
  })
}

/** An alias of the API's own name: it costs nothing to ask for, and follows the API. */
const record = (domain: DomainName, { hostedZoneId }: IHostedZone): CfnRecordSet =>
  new CfnRecordSet(domain, 'Record', {
    hostedZoneId,
    name: domain.name,
    type: 'A',
    aliasTarget: {
      dnsName: domain.regionalDomainName,
      hostedZoneId: domain.regionalHostedZoneId,
    },
  })

/**
 * Sends what is asked of a domain to a stage. A stage would do it under an id with the path of the domain, and a mapping with another
 * id cannot be made while the one before is there: the id is the one that the CDK gives a domain right below its stack.
 */
export function mapDomain(api: IApi, stage: HttpStage | WebSocketStage, domainName: DomainName): void {
  const path = [Stack.of(domainName).node.path, ...idsBelowStack(domainName)].join('/')
  stage.node.addDependency(domainName)
  new ApiMapping(stage, `${path}undefined`, { api, stage, domainName })
}
