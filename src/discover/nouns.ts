/** What names of tables say, in French and English: kinds of people, and kinds of things kept about them. */

/** Nouns of people. Those a business rarely means otherwise. */
export const PEOPLE: ReadonlySet<string> = new Set(
  `person personne customer client user usager utilisateur contact employee employe salarie member membre adherent
  patient subscriber abonne student etudiant eleve pupil candidate candidat applicant postulant guest donor donateur passenger passager driver
  conducteur chauffeur lead prospect visitor visiteur player joueur citizen citoyen beneficiary beneficiaire staff doctor
  medecin physician praticien practitioner nurse infirmier infirmiere guardian tuteur parent responsable teacher enseignant professeur professor
  tenant locataire resident habitant assure policyholder insured volunteer benevole agent collaborateur worker ouvrier
  seller vendeur buyer acheteur reader lecteur traveler traveller voyageur attendee participant child enfant individual particulier customeruser
  borrower emprunteur shareholder actionnaire lawyer avocat owner proprietaire administrator admin instructor coach crew
  recipient destinataire signer signataire artist author auteur
  composer compositeur writer ecrivain director realisateur actor acteur singer chanteur musician musicien producer`.split(
    /\s+/,
  ),
)

/** Nouns that are people only where the table itself says so: by an e-mail, a login, two names. */
export const PERHAPS_PEOPLE: ReadonlySet<string> = new Set(
  'composer compositeur writer ecrivain director realisateur actor acteur singer chanteur musician musicien producer account compte profile profil tenant owner proprietaire agent artist author auteur parent responsable admin administrator seller vendeur reader crew guest recipient destinataire signer child enfant player worker partner partenaire tiers party individual person personne member membre'.split(
    ' ',
  ),
)

/** Words around the noun that say nothing: `customer_entity`, `t_client`, `auth_user`. */
export const EMPTY_NOUNS: ReadonlySet<string> = new Set(
  'entity table tbl record master main base t tb tab wp auth app core dim fact data datum ref public crm erp sys flat list liste fiche'.split(
    ' ',
  ),
)

/** Whoever keeps the data, not whom it is about. */
export const CONTROLLERS: ReadonlySet<string> = new Set(
  'publisher tenant organisation organization org company societe entreprise account workspace shop store site agency agence brand enseigne client customer team club association school ecole clinic clinique cabinet etablissement hospital hopital entity structure'.split(
    ' ',
  ),
)

/** What a table is to the law and to habit. The first whose noun the name has. */
export type Role =
  | 'payslip'
  | 'card'
  | 'consent'
  | 'invoice'
  | 'contract'
  | 'order'
  | 'application'
  | 'medical'
  | 'video'
  | 'log'
  | 'tracking'
  | 'note'
  | 'message'
  | 'address'
  | 'session'

/** Phrases of each role; earlier roles win. */
export const ROLES: readonly (readonly [Role, string])[] = [
  ['payslip', 'payslip,pay slip,payroll,bulletin paie,fiche paie,bulletin salaire,paie'],
  ['card', 'payment card,credit card,carte bancaire,card,moyen paiement,payment method'],
  ['consent', 'consent,consentement,opt in,optin,gdpr consent,opposition'],
  [
    'invoice',
    'invoice,facture,bill,billing,facturation,credit note,creditmemo,avoir,accounting,comptabilite,ecriture,ecriture comptable,ledger,payment,paiement,reglement,receipt,recu,transaction,refund,remboursement',
  ],
  ['application', 'job application,candidature,recruitment,recrutement'],
  [
    'contract',
    'contract,contrat,subscription,abonnement,membership,adhesion,rental,policy,enrollment,inscription,loan,pret,lease,bail',
  ],
  ['order', 'order,commande,booking,reservation,quote,devis,purchase,achat,vente,sale,cart,panier,basket'],
  [
    'medical',
    'consultation,prescription,ordonnance,medical,dossier medical,medical record,diagnosis,diagnostic,sejour,hospitalisation,admission,analyse,lab result,vaccination,acte medical,observation medicale,soin,compte rendu',
  ],
  ['video', 'video surveillance,cctv,videosurveillance,videoprotection'],
  ['session', 'session,token,jeton,password reset,remember token,refresh token'],
  [
    'tracking',
    'event,evenement,visit,visite,page view,pageview,click,clic,tracking,tracker,cookie,newsletter event,email event,analytics,impression,campaign stat,hit',
  ],
  [
    'log',
    'log,journal,audit,trace,access log,login attempt,login,connexion,connection,history,historique,activity,sign in',
  ],
  [
    'note',
    'note,ticket,support,complaint,reclamation,case,incident,remark,observation,call,appel,request,demande,sav',
  ],
  [
    'message',
    'message,comment,commentaire,chat,conversation,post,review,avis,mail,email,sms,reply,publication',
  ],
  ['address', 'address,adresse,location,lieu,domicile,household,foyer'],
]

/** People who work with the data rather than being what it is about, where both are in one table. */
export const STAFF: ReadonlySet<string> = new Set(
  'employee employe salarie staff doctor medecin physician praticien practitioner nurse infirmier agent admin administrator teacher enseignant professeur professor collaborateur worker vendeur seller instructor coach user utilisateur'.split(
    ' ',
  ),
)

/** Phrases of a reference that only names somebody: who made, handles or brought what the row is about. */
export const MENTIONING =
  'created by,updated by,modified by,deleted by,approved by,assigned,assigned to,assignee,handled by,handler,reviewed by,reviewer,verified by,validated by,support rep,rep,manager,reports to,reporter,supervisor,boss,referred by,referrer,referral,parrain,sponsor,invited by,inviter,responsable,cree par,modifie par,saisi par,valide par,gestionnaire,conseiller,medecin traitant,owner,proprietaire,operator,operateur,technician,technicien,closed by,sold by,sales rep,seller,vendeur,commercial,moderator,last editor,editor,redacteur,mentor,tuteur,superieur,n 1'

/** Where no person lives: an address of a shop is not one of somebody. */
export const PLACES: ReadonlySet<string> = new Set(
  'store shop warehouse magasin entrepot depot branch office bureau agence site clinic clinique hopital hospital school ecole cabinet etablissement venue lieu country pays city ville region airport station stop building batiment commune'.split(
    ' ',
  ),
)
