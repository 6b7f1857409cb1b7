package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// running is a server on a free port of the loopback.
type running struct {
	address string
	stop    context.CancelFunc
	ended   chan error
}

func serveOn(t *testing.T, env environment) running {
	t.Helper()
	c, err := loadConfig(env.get)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- newServer(c, slog.New(slog.DiscardHandler)).serve(ctx, listener) }()
	t.Cleanup(stop)
	return running{listener.Addr().String(), stop, ended}
}

func (r running) dial(user string, methods ...ssh.AuthMethod) (*ssh.Client, error) {
	return ssh.Dial("tcp", r.address, &ssh.ClientConfig{
		User:            user,
		Auth:            methods,
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		Timeout:         5 * time.Second,
	})
}

func (r running) login(t *testing.T, user string, methods ...ssh.AuthMethod) *ssh.Client {
	t.Helper()
	client, err := r.dial(user, methods...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func newClientSession(t *testing.T, client *ssh.Client) *ssh.Session {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func TestExecAnswersAndReportsItsStatus(t *testing.T) {
	client := serveOn(t, environment{"SSH_PASSWORD": "s3cret"}).login(t, "ada", ssh.Password("s3cret"))
	out, err := newClientSession(t, client).Output("whoami")
	if err != nil || string(out) != "ada\n" {
		t.Errorf("whoami gave %q, %v", out, err)
	}
	session := newClientSession(t, client)
	var exit *ssh.ExitError
	if err := session.Run("nonsense"); !errors.As(err, &exit) || exit.ExitStatus() != 127 {
		t.Errorf("an unknown command gave %v", err)
	}
}

func TestOnlyTheRightCredentialsLogIn(t *testing.T) {
	key := newKey(t)
	server := serveOn(t, environment{
		"SSH_USER":            "ada",
		"SSH_AUTHORIZED_KEYS": "# keys\n" + string(ssh.MarshalAuthorizedKey(key.PublicKey())),
		"SSH_PASSWORD":        "s3cret",
	})
	server.login(t, "ada", ssh.PublicKeys(key))
	for name, dial := range map[string]func() (*ssh.Client, error){
		"another key":      func() (*ssh.Client, error) { return server.dial("ada", ssh.PublicKeys(newKey(t))) },
		"another password": func() (*ssh.Client, error) { return server.dial("ada", ssh.Password("guess")) },
		"empty password":   func() (*ssh.Client, error) { return server.dial("ada", ssh.Password("")) },
		"another user":     func() (*ssh.Client, error) { return server.dial("bob", ssh.PublicKeys(key)) },
		"no method":        func() (*ssh.Client, error) { return server.dial("ada") },
	} {
		if client, err := dial(); err == nil {
			_ = client.Close()
			t.Errorf("%s was let in", name)
		}
	}
}

func TestShellReadsLinesUntilExit(t *testing.T) {
	client := serveOn(t, environment{"SSH_PASSWORD": "s3cret"}).login(t, "ada", ssh.Password("s3cret"))
	session := newClientSession(t, client)
	session.Stdin = strings.NewReader("echo one\n\nwhoami\nexit 3\necho never\n")
	var out strings.Builder
	session.Stdout = &out
	if err := session.Shell(); err != nil {
		t.Fatal(err)
	}
	var exit *ssh.ExitError
	if err := session.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 3 {
		t.Errorf("the shell ended with %v", err)
	}
	if out.String() != "one\nada\n" {
		t.Errorf("the shell said %q", out.String())
	}
}

func TestShellOnATerminalPromptsAndEndsAtControlD(t *testing.T) {
	client := serveOn(t, environment{"SSH_PASSWORD": "s3cret"}).login(t, "ada", ssh.Password("s3cret"))
	session := newClientSession(t, client)
	if err := session.RequestPty("xterm", 24, 80, ssh.TerminalModes{}); err != nil {
		t.Fatal(err)
	}
	session.Stdin = strings.NewReader("echo hi\r\x04")
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Shell(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "$ echo hi\r\nhi\r\n") {
		t.Errorf("the terminal showed %q", text)
	}
	if err := session.Wait(); err != nil {
		t.Errorf("control-D ended the shell with %v", err)
	}
}

func TestForwardingIsRefused(t *testing.T) {
	client := serveOn(t, environment{"SSH_PASSWORD": "s3cret"}).login(t, "ada", ssh.Password("s3cret"))
	if conn, err := client.Dial("tcp", "127.0.0.1:1"); err == nil {
		_ = conn.Close()
		t.Error("the server forwarded a connection")
	} else if !strings.Contains(err.Error(), "only sessions are served") {
		t.Errorf("refused for another reason: %v", err)
	}
}

func TestShutdownEndsAtOnceWithoutConnectionsAndAfterTheGracePeriodWithThem(t *testing.T) {
	idle := serveOn(t, environment{"SSH_GRACE": "1h"})
	idle.stop()
	waitFor(t, idle.ended)

	busy := serveOn(t, environment{"SSH_PASSWORD": "s3cret", "SSH_GRACE": "50ms"})
	client := busy.login(t, "ada", ssh.Password("s3cret"))
	busy.stop()
	waitFor(t, busy.ended)
	if _, err := client.NewSession(); err == nil {
		t.Error("the connection outlived the server")
	}
}

func waitFor(t *testing.T, ended chan error) {
	t.Helper()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("serve ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server did not stop")
	}
}
