// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// ServingLifetime is the lifetime of a serving certificate. It is replaced when a third of
// that is left.
const ServingLifetime = 365 * 24 * time.Hour

// EnsureServing makes sure that dir has an authority and a serving certificate issued by it
// that is valid for all hosts, DNS names or IP addresses, and for a third of ServingLifetime
// from now. It reports whether it issued one. Without hosts it returns an error.
func EnsureServing(dir string, hosts []string, now time.Time) (issued bool, err error) {
	if len(hosts) == 0 {
		return false, errors.New("a serving certificate needs at least one host")
	}
	authority, err := OpenAuthority(dir, now)
	if err != nil {
		return false, err
	}
	usable, err := servingUsable(dir, authority, hosts, now)
	if err != nil || usable {
		return false, err
	}
	return true, authority.issueServing(dir, hosts, now)
}

func servingUsable(dir string, authority *Authority, hosts []string, now time.Time) (bool, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, CertFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the serving certificate: %w", err)
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, KeyFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the key of the serving certificate: %w", err)
	}
	cert, err := decodeCertificate(certPEM)
	if err != nil {
		return false, fmt.Errorf("reading the serving certificate of %s: %w", dir, err)
	}
	key, err := decodeKey(keyPEM)
	if err != nil {
		return false, fmt.Errorf("reading the key of the serving certificate of %s: %w", dir, err)
	}
	fresh := now.Add(ServingLifetime / 3).Before(cert.NotAfter)
	return fresh && authority.issued(cert) && publicKeysEqual(cert.PublicKey, key.Public()) && covers(cert, hosts), nil
}

func covers(cert *x509.Certificate, hosts []string) bool {
	for _, host := range hosts {
		if cert.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

func (a *Authority) issueServing(dir string, hosts []string, now time.Time) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: commonName},
		NotBefore:   now.Add(-backdate),
		NotAfter:    earlier(now.Add(ServingLifetime), a.cert.NotAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	cert, err := a.sign(template, key.Public())
	if err != nil {
		return err
	}
	if err := writeKey(filepath.Join(dir, KeyFile), key); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, CertFile), encodeCertificate(cert), 0o644)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
