PRAGMA application_id = 2003198834;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE document (plan TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "document" VALUES('p1','{"plan":"p1"}');
CREATE TABLE event (
        execution INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        key TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (execution, seq)
    ) WITHOUT ROWID;
INSERT INTO "event" VALUES(1,1,1700000000000,'@start','["PENDING","COMPLETED",0,["a","b"],[],"RUNNING",null]');
INSERT INTO "event" VALUES(1,2,1700000000000,'a','["READY","RUNNING",1,[],[],"RUNNING",null]');
INSERT INTO "event" VALUES(2,1,1700000000000,'@start','["PENDING","COMPLETED",0,["a"],[],"RUNNING",null]');
INSERT INTO "event" VALUES(2,2,1700000000000,'a','["READY","RUNNING",1,[],[],"RUNNING",null]');
INSERT INTO "event" VALUES(2,3,1700000000000,'a','["RUNNING","COMPLETED",1,[],[],"COMPLETED",null]');
CREATE TABLE execution (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        plan TEXT NOT NULL,
        name TEXT NOT NULL,
        labels TEXT NOT NULL,
        input TEXT,
        created INTEGER NOT NULL,
        timeout INTEGER,
        status TEXT NOT NULL,
        halt TEXT NOT NULL,
        active INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        notices TEXT NOT NULL,
        started INTEGER,
        ended INTEGER,
        deadline INTEGER
    );
INSERT INTO "execution" VALUES(1,'running','p1','a workflow','{"team":"ä","tier":"1"}','{"n":1}',1700000000000,NULL,'RUNNING','',2,0,2,'[]',1700000000000,NULL,NULL);
INSERT INTO "execution" VALUES(2,'ended','p1','a workflow','{"team":"ä","tier":"1"}','{"n":1}',1700000000000,NULL,'COMPLETED','',0,0,3,'["[echo]"]',1700000000000,1700000000000,NULL);
INSERT INTO "execution" VALUES(3,'pending','p1','a workflow','{"team":"ä","tier":"1"}','{"n":1}',1700000000000,NULL,'PENDING','',0,0,0,'[]',NULL,NULL,NULL);
CREATE TABLE node (
        execution INTEGER NOT NULL,
        key TEXT NOT NULL,
        state TEXT NOT NULL,
        token INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        lost INTEGER NOT NULL,
        ok INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        skipped INTEGER NOT NULL,
        cursor INTEGER NOT NULL,
        deadline INTEGER,
        started INTEGER,
        ended INTEGER,
        queue TEXT NOT NULL,
        handler TEXT NOT NULL,
        PRIMARY KEY (execution, key)
    ) WITHOUT ROWID;
INSERT INTO "node" VALUES(1,'@start','COMPLETED',1,0,0,0,0,0,0,-1,NULL,NULL,1700000000000,'','');
INSERT INTO "node" VALUES(1,'a','RUNNING',21,1,0,0,1,0,0,-1,1700000600000,1700000000000,NULL,'default','noop');
INSERT INTO "node" VALUES(1,'b','READY',0,0,0,0,1,0,0,-1,1700000600000,NULL,NULL,'default','noop');
INSERT INTO "node" VALUES(2,'@start','COMPLETED',1,0,0,0,0,0,0,-1,NULL,NULL,1700000000000,'','');
INSERT INTO "node" VALUES(2,'a','COMPLETED',11,1,0,0,1,0,0,-1,NULL,1700000000000,1700000000000,'default','noop');
CREATE TABLE result (
        execution INTEGER NOT NULL,
        key TEXT NOT NULL,
        output TEXT,
        error TEXT,
        PRIMARY KEY (execution, key)
    ) WITHOUT ROWID;
INSERT INTO "result" VALUES(1,'@start','{"trigger":1}',NULL);
INSERT INTO "result" VALUES(2,'@start','{"trigger":1}',NULL);
INSERT INTO "result" VALUES(2,'a','{"by":11}',NULL);
CREATE INDEX execution_running ON execution (number) WHERE status = 'RUNNING';
COMMIT;
