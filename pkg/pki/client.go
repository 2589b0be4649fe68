// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"time"
)

// ClientCertificate is a certificate that authenticates a user.
type ClientCertificate struct {
	// CertPEM and KeyPEM are the certificate and its private key.
	CertPEM, KeyPEM []byte
	// CAPEM is the certificate of the authority that issued it, which the client also trusts.
	CAPEM []byte
}

// IssueClient issues a certificate for a user and groups, valid for lifetime from now, but
// not longer than the authority.
func (a *Authority) IssueClient(user string, groups []string, lifetime time.Duration, now time.Time) (ClientCertificate, error) {
	key, err := newKey()
	if err != nil {
		return ClientCertificate{}, err
	}
	cert, err := a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		NotBefore:   now.Add(-backdate),
		NotAfter:    earlier(now.Add(lifetime), a.cert.NotAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, key.Public())
	if err != nil {
		return ClientCertificate{}, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return ClientCertificate{}, err
	}
	return ClientCertificate{CertPEM: encodeCertificate(cert), KeyPEM: keyPEM, CAPEM: encodeCertificate(a.cert)}, nil
}
