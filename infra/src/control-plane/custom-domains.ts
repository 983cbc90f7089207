import { DomainName, EndpointType } from 'aws-cdk-lib/aws-apigatewayv2'
import { Certificate, CertificateValidation, type ICertificate } from 'aws-cdk-lib/aws-certificatemanager'
import { CfnRecordSet, HostedZone } from 'aws-cdk-lib/aws-route53'
import type { Construct } from 'constructs'

import type { Settings } from '../settings.ts'

type Domain = NonNullable<Settings['domain']>

/**
 * The domain of the HTTP API, and `watch.` before it for the WebSocket API. With a hosted zone both names are in the DNS, and
 * the certificate is made and proven there unless one is given.
 */
export function customDomains(scope: Construct, domain: Domain): { api: DomainName; watch: DomainName } {
  const names = { api: domain.name, watch: `watch.${domain.name}` }
  const certificate = certificateOf(scope, domain, names.watch)
  const make = (id: string, domainName: string): DomainName => {
    const made = new DomainName(scope, id, {
      domainName,
      certificate,
      endpointType: EndpointType.REGIONAL,
    })
    if (domain.hostedZoneId !== undefined) record(made, domain.hostedZoneId)
    return made
  }
  return { api: make('Domain', names.api), watch: make('WatchDomain', names.watch) }
}

function certificateOf(scope: Construct, domain: Domain, watchName: string): ICertificate {
  const { certificateArn, hostedZoneId, name } = domain
  if (certificateArn !== undefined)
    return Certificate.fromCertificateArn(scope, 'DomainCertificate', certificateArn)
  const zone = HostedZone.fromHostedZoneId(scope, 'Zone', hostedZoneId ?? '')
  return new Certificate(scope, 'Certificate', {
    domainName: name,
    subjectAlternativeNames: [watchName],
    validation: CertificateValidation.fromDns(zone),
  })
}

/** An alias of the API's own name: it costs nothing to ask for, and follows the API. */
const record = (domain: DomainName, hostedZoneId: string): CfnRecordSet =>
  new CfnRecordSet(domain, 'Record', {
    hostedZoneId,
    name: domain.name,
    type: 'A',
    aliasTarget: {
      dnsName: domain.regionalDomainName,
      hostedZoneId: domain.regionalHostedZoneId,
    },
  })
