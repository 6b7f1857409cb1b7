package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// config says where to listen, who may log in and how long a shutdown may take.
type config struct {
	listen  string
	hostKey ssh.Signer
	// user is the only login name that is accepted; empty accepts any.
	user string
	// authorized holds the accepted public keys in their wire form.
	authorized map[string]bool
	// password is accepted when it is not empty.
	password string
	// generated tells that password was made up for this process.
	generated bool
	grace     time.Duration
}

// loadConfig reads the configuration from environment variables. Each secret can also be given as the path of a
// file (SSH_PASSWORD_FILE and so on), which is how a cluster mounts its secrets.
func loadConfig(getenv func(string) string) (*config, error) {
	c := &config{listen: ":2222", user: getenv("SSH_USER"), grace: 10 * time.Second}
	if listen := getenv("SSH_LISTEN"); listen != "" {
		c.listen = listen
	}
	if grace := getenv("SSH_GRACE"); grace != "" {
		d, err := time.ParseDuration(grace)
		if err != nil || d < 0 {
			return nil, fmt.Errorf("SSH_GRACE=%q is not a duration such as 10s", grace)
		}
		c.grace = d
	}
	if err := c.loadHostKey(getenv("SSH_HOST_KEY_FILE")); err != nil {
		return nil, err
	}
	return c, c.loadLogin(getenv)
}

// loadHostKey reads the host key, or makes one that lives as long as the process.
func (c *config) loadHostKey(path string) error {
	if path == "" {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return fmt.Errorf("making a host key: %w", err)
		}
		c.hostKey, err = ssh.NewSignerFromKey(key)
		return err
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("SSH_HOST_KEY_FILE: %w", err)
	}
	if c.hostKey, err = ssh.ParsePrivateKey(pem); err != nil {
		return fmt.Errorf("SSH_HOST_KEY_FILE: %s: %w", path, err)
	}
	return nil
}

func (c *config) loadLogin(getenv func(string) string) error {
	keys, err := secret(getenv, "SSH_AUTHORIZED_KEYS")
	if err != nil {
		return err
	}
	if c.authorized, err = parseAuthorizedKeys(keys); err != nil {
		return fmt.Errorf("SSH_AUTHORIZED_KEYS: %w", err)
	}
	if c.password, err = secret(getenv, "SSH_PASSWORD"); err != nil {
		return err
	}
	if c.password == "" && len(c.authorized) == 0 {
		c.password, c.generated = rand.Text(), true
	}
	return nil
}

// secret returns the variable name, or the content of the file that name_FILE points to without its last newline.
func secret(getenv func(string) string, name string) (string, error) {
	value, path := getenv(name), getenv(name+"_FILE")
	switch {
	case value != "" && path != "":
		return "", fmt.Errorf("both %s and %s_FILE are set; keep one", name, name)
	case path == "":
		return value, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	value = strings.TrimRight(string(data), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s_FILE: %s is empty", name, path)
	}
	return value, nil
}

// parseAuthorizedKeys reads the format of OpenSSH's authorized_keys. Options before a key would restrict it, and
// this server knows none of them, so they are refused rather than ignored.
func parseAuthorizedKeys(text string) (map[string]bool, error) {
	keys := make(map[string]bool)
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err == nil && len(options) > 0 {
			err = errors.New("key options are not supported")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
		keys[string(key.Marshal())] = true
	}
	return keys, nil
}
