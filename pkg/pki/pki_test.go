// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testHosts() []string { return []string{"localhost", "127.0.0.1", "a.b.svc"} }

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func ensure(t *testing.T, dir string, hosts []string, now time.Time) bool {
	t.Helper()
	issued, err := EnsureServing(dir, hosts, now)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// verify verifies the serving certificate like a TLS client that trusts the authority.
func verify(t *testing.T, dir, host string, now time.Time) error {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CertFile), filepath.Join(dir, KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(t, dir, CAFile)))
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: now})
	return err
}

func TestEnsureServing_IsTrustedForItsHosts(t *testing.T) {
	t.Parallel()
	dir, now := filepath.Join(t.TempDir(), "new", "directory"), time.Now()
	if !ensure(t, dir, testHosts(), now) {
		t.Error("nothing issued into an empty directory")
	}
	for _, host := range testHosts() {
		if err := verify(t, dir, host, now); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if verify(t, dir, "elsewhere", now) == nil {
		t.Error("the certificate covers a host that it was not issued for")
	}
	for _, name := range []string{CAKeyFile, KeyFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, others could read it", name, info.Mode().Perm())
		}
	}
}

func TestEnsureServing_ReplacesOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		hosts  []string
		after  time.Duration
		damage func(t *testing.T, dir string)
		want   bool
	}{
		"no change":                  {testHosts(), 0, nil, false},
		"fewer hosts":                {testHosts()[:1], 0, nil, false},
		"half of its lifetime later": {testHosts(), ServingLifetime / 2, nil, false},
		"a third is left":            {testHosts(), ServingLifetime*2/3 + time.Hour, nil, true},
		"after it expired":           {testHosts(), ServingLifetime + time.Hour, nil, true},
		"another host":               {append(testHosts(), "more"), 0, nil, true},
		"certificate is missing":     {testHosts(), 0, remove(CertFile), true},
		"key is missing":             {testHosts(), 0, remove(KeyFile), true},
		"key of another":             {testHosts(), 0, replaceKey, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, now := t.TempDir(), time.Now()
			ensure(t, dir, testHosts(), now)
			authority := read(t, dir, CAFile)
			if test.damage != nil {
				test.damage(t, dir)
			}
			later := now.Add(test.after)
			if got := ensure(t, dir, test.hosts, later); got != test.want {
				t.Errorf("issued: got %v, want %v", got, test.want)
			}
			for _, host := range test.hosts {
				if err := verify(t, dir, host, later); err != nil {
					t.Errorf("%s: %v", host, err)
				}
			}
			if diff := cmp.Diff(authority, read(t, dir, CAFile)); diff != "" {
				t.Errorf("the authority changed, every caBundle would be wrong:\n%s", diff)
			}
		})
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func replaceKey(t *testing.T, dir string) {
	t.Helper()
	other, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeKey(filepath.Join(dir, KeyFile), other); err != nil {
		t.Fatal(err)
	}
}

func TestEnsureServing_Errors(t *testing.T) {
	t.Parallel()
	write := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := map[string]struct {
		damage func(*testing.T, string)
		after  time.Duration
		hosts  []string
		want   string
	}{
		"no hosts":                      {func(*testing.T, string) {}, 0, nil, "at least one host"},
		"authority without its key":     {remove(CAKeyFile), 0, testHosts(), CAKeyFile},
		"authority's key is no key":     {both(remove(CAFile), write(CAKeyFile, "x")), 0, testHosts(), "no PEM private key"},
		"authority is no certificate":   {write(CAFile, "x"), 0, testHosts(), "no PEM certificate"},
		"certificate is no certificate": {write(CertFile, "x"), 0, testHosts(), "no PEM certificate"},
		"key is no key":                 {write(KeyFile, "x"), 0, testHosts(), "no PEM private key"},
		"authority has expired":         {func(*testing.T, string) {}, authorityLifetime + time.Hour, testHosts(), "expired on"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, now := t.TempDir(), time.Now()
			ensure(t, dir, testHosts(), now)
			test.damage(t, dir)
			_, err := EnsureServing(dir, test.hosts, now.Add(test.after))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func both(first, second func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		first(t, dir)
		second(t, dir)
	}
}

// A process that is killed while it creates an authority leaves a key without a certificate.
// The next one must start, and certificates issued with that key must stay valid.
func TestOpenAuthority_CompletesInterrupted(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	ensure(t, dir, testHosts(), now)
	former, certificate := read(t, dir, CAFile), read(t, dir, CertFile)
	remove(CAFile)(t, dir)
	if ensure(t, dir, testHosts(), now) {
		t.Error("the serving certificate was replaced although its authority's key was there")
	}
	for name, ca := range map[string]string{"old": former, "new": read(t, dir, CAFile)} {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(ca))
		block, _ := pem.Decode([]byte(certificate))
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now}); err != nil {
			t.Errorf("with the %s certificate of the authority: %v", name, err)
		}
	}
}

func TestIssueClient(t *testing.T) {
	t.Parallel()
	now := time.Now()
	authority, err := OpenAuthority(t.TempDir(), now)
	if err != nil {
		t.Fatal(err)
	}
	client, err := authority.IssueClient("jane", []string{"team-a", "team-b"}, time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(client.CertPEM, client.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(client.CAPEM)
	for at, want := range map[time.Duration]bool{0: true, 2 * time.Hour: false} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{
			Roots: roots, CurrentTime: now.Add(at), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		if (err == nil) != want {
			t.Errorf("after %s: %v", at, err)
		}
	}
	if diff := cmp.Diff([]string{"team-a", "team-b"}, pair.Leaf.Subject.Organization); diff != "" || pair.Leaf.Subject.CommonName != "jane" {
		t.Errorf("issued for %v", pair.Leaf.Subject)
	}
}
