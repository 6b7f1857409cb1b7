package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// handshakeTimeout ends connections that never log in.
	handshakeTimeout = 20 * time.Second
	// maxConnections bounds the memory that strangers can take.
	maxConnections = 100
)

type server struct {
	config *config
	rules  *ssh.ServerConfig
	log    *slog.Logger
	slots  chan struct{}

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	done  sync.WaitGroup
}

func newServer(c *config, log *slog.Logger) *server {
	return &server{
		config: c,
		rules:  c.serverConfig(),
		log:    log,
		slots:  make(chan struct{}, maxConnections),
		conns:  make(map[net.Conn]struct{}),
	}
}

func (s *server) listenAndServe(ctx context.Context) error {
	listener, err := net.Listen("tcp", s.config.listen)
	if err != nil {
		return err
	}
	return s.serve(ctx, listener)
}

// serve accepts connections until ctx ends, then waits for the open ones as long as the grace period lasts.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	fingerprint := ssh.FingerprintSHA256(s.config.hostKey.PublicKey())
	s.log.Info("listening", "address", listener.Addr().String(), "host_key", fingerprint)
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			s.drain()
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			// The usual reason is a lack of file descriptors, which passes.
			s.log.Warn("accept", "error", err)
			time.Sleep(50 * time.Millisecond)
		default:
			s.start(conn)
		}
	}
}

// start serves the connection in the background, or closes it when too many are open.
func (s *server) start(conn net.Conn) {
	select {
	case s.slots <- struct{}{}:
	default:
		s.log.Warn("too many connections", "peer", conn.RemoteAddr().String())
		_ = conn.Close()
		return
	}
	s.mu.Lock()
	s.conns[conn] = struct{}{}
	s.mu.Unlock()
	s.done.Go(func() {
		defer s.finish(conn)
		if err := s.handle(conn); err != nil {
			s.log.Info("connection refused", "peer", conn.RemoteAddr().String(), "error", err)
		}
	})
}

func (s *server) finish(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	<-s.slots
}

// handle does the handshake and serves the sessions of one connection.
func (s *server) handle(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	login, channels, requests, err := ssh.NewServerConn(conn, s.rules)
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	log := s.log.With("user", login.User(), "peer", conn.RemoteAddr().String())
	log.Info("logged in")
	go ssh.DiscardRequests(requests)
	var sessions sync.WaitGroup
	for offer := range channels {
		if offer.ChannelType() != "session" {
			// No forwarding: the server must not become a way into the cluster's network.
			_ = offer.Reject(ssh.UnknownChannelType, "only sessions are served")
			continue
		}
		channel, requests, err := offer.Accept()
		if err != nil {
			log.Info("session", "error", err)
			continue
		}
		sessions.Go(func() { newSession(login.User(), channel).serve(requests) })
	}
	sessions.Wait()
	log.Info("logged out")
	return nil
}

// drain waits for open connections and closes those that outlast the grace period.
func (s *server) drain() {
	finished := make(chan struct{})
	go func() {
		s.done.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		return
	case <-time.After(s.config.grace):
	}
	s.mu.Lock()
	s.log.Info("closing open connections", "count", len(s.conns))
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	<-finished
}
