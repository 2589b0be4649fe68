// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// Names of the files in a directory.
const (
	CAFile     = "ca.crt"
	CAKeyFile  = "ca.key"
	CertFile   = "tls.crt"
	KeyFile    = "tls.key"
	commonName = "events-apiserver"
)

const (
	// authorityLifetime is long because every caBundle with the authority must be replaced
	// when it expires.
	authorityLifetime = 10 * 365 * 24 * time.Hour
	// backdate is how long before its issue a certificate is valid, so that machines whose
	// clocks are behind accept it.
	backdate = 5 * time.Minute
)

// Authority is a certificate authority in a directory.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// OpenAuthority loads the authority in dir, or creates one if dir has none. If there is only
// a key, because creating was interrupted, it creates a certificate for that key, so that
// certificates issued with it stay valid. It returns an error if only the key is missing, or
// if the authority has expired.
func OpenAuthority(dir string, now time.Time) (*Authority, error) {
	certPath, keyPath := filepath.Join(dir, CAFile), filepath.Join(dir, CAKeyFile)
	certPEM, certErr := os.ReadFile(certPath)
	keyPEM, keyErr := os.ReadFile(keyPath)
	switch {
	case errors.Is(certErr, os.ErrNotExist) && errors.Is(keyErr, os.ErrNotExist):
		return createAuthority(dir, now)
	case errors.Is(certErr, os.ErrNotExist) && keyErr == nil:
		key, err := decodeKey(keyPEM)
		if err != nil {
			return nil, fmt.Errorf("reading the key of the certificate authority of %s: %w", dir, err)
		}
		return certifyAuthority(dir, key, now)
	case certErr != nil:
		return nil, fmt.Errorf("reading the certificate authority: %w", certErr)
	case keyErr != nil:
		return nil, fmt.Errorf("reading the key of the certificate authority: %w", keyErr)
	}
	authority, err := parseAuthority(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authority of %s: %w", dir, err)
	}
	if now.After(authority.cert.NotAfter) {
		return nil, fmt.Errorf("the certificate authority %s expired on %s: remove the directory and distribute the new %s to all clients that trust the old one",
			certPath, authority.cert.NotAfter.Format(time.RFC3339), CAFile)
	}
	return authority, nil
}

func parseAuthority(certPEM, keyPEM []byte) (*Authority, error) {
	cert, err := decodeCertificate(certPEM)
	if err != nil {
		return nil, err
	}
	key, err := decodeKey(keyPEM)
	if err != nil {
		return nil, err
	}
	if !publicKeysEqual(cert.PublicKey, key.Public()) {
		return nil, fmt.Errorf("%s and %s do not belong together", CAFile, CAKeyFile)
	}
	return &Authority{cert: cert, key: key}, nil
}

// createAuthority writes the key before the certificate: OpenAuthority repairs a key without
// a certificate, but not a certificate without a key.
func createAuthority(dir string, now time.Time) (*Authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	if err := writeKey(filepath.Join(dir, CAKeyFile), key); err != nil {
		return nil, err
	}
	return certifyAuthority(dir, key, now)
}

// certifyAuthority creates the certificate of an authority whose key is in dir.
func certifyAuthority(dir string, key crypto.Signer, now time.Time) (*Authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName + "-ca"},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	self := &Authority{cert: template, key: key}
	cert, err := self.sign(template, key.Public())
	if err != nil {
		return nil, fmt.Errorf("creating a certificate authority: %w", err)
	}
	if err := writeFile(filepath.Join(dir, CAFile), encodeCertificate(cert), 0o644); err != nil {
		return nil, err
	}
	return &Authority{cert: cert, key: key}, nil
}

// sign issues template for the holder of public.
func (a *Authority) sign(template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("choosing a serial number: %w", err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate for %s: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// issued reports whether the authority signed cert.
func (a *Authority) issued(cert *x509.Certificate) bool {
	return cert.CheckSignatureFrom(a.cert) == nil
}

func newKey() (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	return key, nil
}

func publicKeysEqual(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
