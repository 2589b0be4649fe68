// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"time"
)

// ClientCertificate is a certificate with which a user proves who they are.
type ClientCertificate struct {
	// CertPEM and KeyPEM are the certificate and its private key.
	CertPEM, KeyPEM []byte
	// CAPEM is the authority that the user trusts and that vouches for them.
	CAPEM []byte
}

// IssueClient issues a certificate for a user and their groups, valid for
// lifetime from now on, or as long as the authority if that ends first.
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
