// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCredentialsVerify(t *testing.T) {
	t.Parallel()
	c := prepared(t)
	for name, test := range map[string]struct {
		ca, cert, key string
		usage         x509.ExtKeyUsage
		host          string
		wrongCA       string
	}{
		"kube-apiserver by address": {caCert, apiserverCert, apiserverKey, x509.ExtKeyUsageServerAuth, loopback, proxyCACert},
		"kube-apiserver in pods":    {caCert, apiserverCert, apiserverKey, x509.ExtKeyUsageServerAuth, "kubernetes.default.svc", proxyCACert},
		"scheduler":                 {caCert, schedulerCert, schedulerKey, x509.ExtKeyUsageServerAuth, loopback, proxyCACert},
		"controller manager":        {caCert, managerCert, managerKey, x509.ExtKeyUsageServerAuth, loopback, proxyCACert},
		"admin":                     {caCert, adminClientCert, adminClientKey, x509.ExtKeyUsageClientAuth, "", proxyCACert},
		"front proxy":               {proxyCACert, proxyCert, proxyKey, x509.ExtKeyUsageClientAuth, "", caCert},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own, err := tls.LoadX509KeyPair(c.layout.pki(test.cert), c.layout.pki(test.key))
			if err != nil {
				t.Fatal(err)
			}
			verify := func(ca string) error {
				_, err := own.Leaf.Verify(x509.VerifyOptions{
					Roots: pool(t, c.layout.pki(ca)), DNSName: test.host, KeyUsages: []x509.ExtKeyUsage{test.usage},
				})
				return err
			}
			if err := verify(test.ca); err != nil {
				t.Errorf("by its own authority: %v", err)
			}
			// A client of the one must never pass as a front proxy of the other.
			if err := verify(test.wrongCA); err == nil {
				t.Error("the other authority vouches for it too")
			}
		})
	}
}

func TestCredentialsAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	c := prepared(t)
	seen := 0
	err := filepath.WalkDir(c.layout.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		seen++
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("no files were made")
	}
}

func TestRestartKeepsAuthorities(t *testing.T) {
	t.Parallel()
	c := prepared(t)
	kept := []string{caCert, caKey, proxyCACert, proxyCAKey, accountKey}
	before := contents(t, c, kept)
	if err := c.prepareCredentials(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, contents(t, c, kept)); diff != "" {
		t.Errorf("changed by a second start (-before +after):\n%s", diff)
	}
}

func TestUserKubeconfig(t *testing.T) {
	t.Parallel()
	c := prepared(t)
	file, err := c.UserKubeconfig("system:serviceaccount:a:../b", "one", "two")
	if err != nil {
		t.Fatal(err)
	}
	if dir := filepath.Dir(file); dir != filepath.Join(c.layout.dir, "users") {
		t.Errorf("the file is in %s", dir)
	}
	if strings.Contains(filepath.Base(file), ":") {
		t.Errorf("%s cannot stand in KUBECONFIG, which is a list with colons", file)
	}
	config, err := clientConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if config.CertFile != "" || config.KeyFile != "" || config.CAFile != "" {
		t.Error("the kubeconfig needs other files")
	}
	block, _ := pem.Decode(config.CertData)
	if block == nil {
		t.Fatal("no certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := certificate.Subject.CommonName, "system:serviceaccount:a:../b"; got != want {
		t.Errorf("got user %q, want %q", got, want)
	}
	if diff := cmp.Diff([]string{"one", "two"}, certificate.Subject.Organization); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func prepared(t *testing.T) *Cluster {
	t.Helper()
	c, err := New(Config{Dir: t.TempDir(), ToolsDir: "/tools"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.releaseAll)
	if err := c.prepareCredentials(); err != nil {
		t.Fatal(err)
	}
	return c
}

func pool(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		t.Fatalf("%s holds no certificate", file)
	}
	return roots
}

func contents(t *testing.T, c *Cluster, files []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(c.layout.pki(file))
		if err != nil {
			t.Fatal(err)
		}
		all[file] = string(data)
	}
	return all
}
