package main

import (
	"bufio"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/term"
)

// maxLine bounds one line of input, in bytes, where no terminal edits it.
const maxLine = 64 << 10

// session is one session channel (RFC 4254, section 6): a shell or a single command.
type session struct {
	user     string
	channel  ssh.Channel
	terminal *term.Terminal
	started  bool
}

func newSession(user string, channel ssh.Channel) *session {
	return &session{user: user, channel: channel}
}

// serve answers the requests of the channel until the client or the program closes it.
func (s *session) serve(requests <-chan *ssh.Request) {
	for request := range requests {
		ok := s.answer(request)
		if request.WantReply {
			_ = request.Reply(ok.accepted, nil)
		}
		if ok.run != nil {
			go s.finish(ok.run)
		}
	}
}

// answer says whether a request is accepted, and what to run once the client knows.
type answer struct {
	accepted bool
	run      func() int
}

func (s *session) answer(request *ssh.Request) answer {
	switch request.Type {
	case "pty-req":
		return answer{accepted: s.openTerminal(request.Payload)}
	case "window-change":
		return answer{accepted: s.resize(request.Payload)}
	case "exec":
		var exec struct{ Command string }
		if s.started || ssh.Unmarshal(request.Payload, &exec) != nil {
			return answer{}
		}
		s.started = true
		return answer{accepted: true, run: func() int { return s.exec(exec.Command) }}
	case "shell":
		if s.started {
			return answer{}
		}
		s.started = true
		return answer{accepted: true, run: s.shell}
	default:
		return answer{}
	}
}

func (s *session) openTerminal(payload []byte) bool {
	var pty struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if s.started || s.terminal != nil || ssh.Unmarshal(payload, &pty) != nil {
		return false
	}
	s.terminal = term.NewTerminal(s.channel, "$ ")
	return s.setSize(pty.Columns, pty.Rows)
}

func (s *session) resize(payload []byte) bool {
	var size struct{ Columns, Rows, Width, Height uint32 }
	return s.terminal != nil && ssh.Unmarshal(payload, &size) == nil && s.setSize(size.Columns, size.Rows)
}

// setSize accepts what a real window can have; a client may send anything.
func (s *session) setSize(columns, rows uint32) bool {
	const limit = 10_000
	if columns == 0 || columns > limit || rows > limit {
		return true
	}
	return s.terminal.SetSize(int(columns), int(rows)) == nil
}

// exec runs one command. With a terminal, lines end as a terminal in raw mode wants them.
func (s *session) exec(line string) int {
	if s.terminal != nil {
		return runLine(line, caller{user: s.user, out: s.terminal, err: s.terminal}).status
	}
	return runLine(line, caller{user: s.user, out: s.channel, err: s.channel.Stderr()}).status
}

// shell reads lines and runs each; its exit status is that of the last command.
func (s *session) shell() int {
	if s.terminal != nil {
		_, _ = io.WriteString(s.terminal, "Welcome. Type help for the commands, exit to leave.\n")
		return s.loop(s.terminal.ReadLine)
	}
	lines := bufio.NewScanner(s.channel)
	lines.Buffer(nil, maxLine)
	return s.loop(func() (string, error) {
		if lines.Scan() {
			return lines.Text(), nil
		}
		if err := lines.Err(); err != nil {
			_, _ = io.WriteString(s.channel.Stderr(), err.Error()+"\n")
		}
		return "", io.EOF
	})
}

func (s *session) loop(next func() (string, error)) int {
	status := 0
	for {
		line, err := next()
		if err != nil {
			return status
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		to := caller{user: s.user, out: s.channel, err: s.channel.Stderr()}
		if s.terminal != nil {
			to.out, to.err = s.terminal, s.terminal
		}
		result := runLine(line, to)
		status = result.status
		if result.leave {
			return status
		}
	}
}

// finish runs the program, reports its exit status and closes the channel.
func (s *session) finish(run func() int) {
	status := struct{ Status uint32 }{uint32(run() & 0xff)}
	_, _ = s.channel.SendRequest("exit-status", false, ssh.Marshal(&status))
	_ = s.channel.Close()
}
