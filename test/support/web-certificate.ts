/** Certificates of the web, as an authority of this test signs them: PEM files by openssl. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface WebCertificateFiles {
  cert: string
  key: string
  /** PEM text: it is its own authority. */
  text: string
}

/** Writes `cert.pem` and `key.pem` for `localhost` into a folder, over those that are there. */
export async function writeWebCertificate(folder: string): Promise<WebCertificateFiles> {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  await promisify(execFile)('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert])
  return { cert, key, text: await readFile(cert, 'utf8') }
}
