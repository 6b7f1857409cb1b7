package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"

	"golang.org/x/crypto/ssh"
)

var errDenied = errors.New("permission denied")

// serverConfig turns the configuration into the rules of the SSH handshake (RFC 4252).
func (c *config) serverConfig() *ssh.ServerConfig {
	rules := &ssh.ServerConfig{MaxAuthTries: 6, ServerVersion: "SSH-2.0-k8s-ssh-server"}
	rules.AddHostKey(c.hostKey)
	if len(c.authorized) > 0 {
		rules.PublicKeyCallback = c.checkKey
	}
	if c.password != "" {
		rules.PasswordCallback = c.checkPassword
	}
	return rules
}

func (c *config) checkKey(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if !c.knowsUser(meta.User()) || !c.authorized[string(key.Marshal())] {
		return nil, errDenied
	}
	return &ssh.Permissions{}, nil
}

// checkPassword compares digests of equal length, so that the time it takes says nothing about the password.
func (c *config) checkPassword(meta ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
	want, got := sha256.Sum256([]byte(c.password)), sha256.Sum256(given)
	equal := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	if !c.knowsUser(meta.User()) || !equal {
		return nil, errDenied
	}
	return &ssh.Permissions{}, nil
}

func (c *config) knowsUser(name string) bool {
	return c.user == "" || c.user == name
}
