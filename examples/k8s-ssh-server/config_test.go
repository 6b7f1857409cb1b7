package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// environment answers as os.Getenv would.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

func TestWithoutConfigurationAPasswordIsGenerated(t *testing.T) {
	first, err := loadConfig(environment{}.get)
	if err != nil {
		t.Fatal(err)
	}
	second, err := loadConfig(environment{}.get)
	if err != nil {
		t.Fatal(err)
	}
	if !first.generated || len(first.password) < 16 || first.password == second.password {
		t.Errorf("passwords %q and %q", first.password, second.password)
	}
}

func TestConfiguredLoginIsNotWidened(t *testing.T) {
	c, err := loadConfig(environment{"SSH_AUTHORIZED_KEYS": authorizedLine(t)}.get)
	if err != nil {
		t.Fatal(err)
	}
	if c.generated || c.password != "" || len(c.authorized) != 1 || c.serverConfig().PasswordCallback != nil {
		t.Errorf("a key alone gave %+v", c)
	}
}

func TestBadConfiguration(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]environment{
		"SSH_GRACE":               {"SSH_GRACE": "soon"},
		"SSH_HOST_KEY_FILE":       {"SSH_HOST_KEY_FILE": missing},
		"SSH_AUTHORIZED_KEYS":     {"SSH_AUTHORIZED_KEYS": "ssh-ed25519 AAAA"},
		"options are not support": {"SSH_AUTHORIZED_KEYS": `command="true" ` + authorizedLine(t)},
		"keep one":                {"SSH_PASSWORD": "a", "SSH_PASSWORD_FILE": missing},
		"is empty":                {"SSH_PASSWORD_FILE": empty},
	} {
		if _, err := loadConfig(env.get); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v gave %v", env, err)
		}
	}
}

func TestSecretFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(" spaces stay \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(environment{"SSH_PASSWORD_FILE": path}.get)
	if err != nil || c.password != " spaces stay " {
		t.Errorf("got %q, %v", c.password, err)
	}
}

func TestHostKeyFromFile(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(environment{"SSH_HOST_KEY_FILE": path}.get)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if string(c.hostKey.PublicKey().Marshal()) != string(want.Marshal()) {
		t.Error("the host key is another one")
	}
}

// authorizedLine is a fresh public key as a line of authorized_keys.
func authorizedLine(t *testing.T) string {
	t.Helper()
	return string(ssh.MarshalAuthorizedKey(newKey(t).PublicKey()))
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}
